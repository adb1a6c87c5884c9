// Event files of any bytes: no crash, and what is called whole lies within them.
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "transfer/event_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // The message alone, since no fuzzer finds checksums.
  for (const char* plugin : {"scalars", "histograms", "text"}) {
    auto event = mw::transfer::ParseEvent(bytes);
    if (!event.ok()) break;
    for (mw::transfer::EventValue& value : event->values) mw::transfer::Interpret(value, plugin);
  }
  auto record = mw::transfer::FirstRecord(bytes);
  while (record.kind == mw::transfer::RecordView::Kind::kWhole) {
    MW_ASSERT(record.size <= bytes.size() && record.message.size() + 16 == record.size);
    (void)mw::transfer::ParseEvent(record.message).ok();
    bytes.remove_prefix(record.size);
    record = mw::transfer::FirstRecord(bytes);
  }
  return 0;
}
