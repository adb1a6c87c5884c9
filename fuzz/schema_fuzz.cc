// Schemas from outside, as JSON and as YAML: what is accepted reads back equal from its own JSON and
// builds an encoder or is refused with a sentence.
#include <cstdlib>

#include "schema/encoder.h"
#include "schema/schema.h"

namespace {

void CheckAccepted(const mw::schema::Schema& schema) {
  const auto again = mw::schema::FromJson(mw::schema::ToJson(schema));
  if (!again.ok() || *again != schema || !mw::schema::Compare(schema, *again).empty()) std::abort();
  std::vector<std::string> features;
  for (const mw::schema::Column& column : schema.columns) features.push_back(column.name);
  const auto encoder = mw::schema::Encoder::Make(schema, features);
  if (!encoder.ok()) return;
  for (const mw::schema::Column& column : schema.columns) {
    const int feature = encoder->FeatureIndex(column.name);
    if (feature < 0) std::abort();
    for (const std::string& category : column.vocabulary) {
      if (column.vocabulary[static_cast<std::size_t>(*encoder->EncodeText(feature, category))] != category)
        std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto json = mw::Json::Parse(text); json.ok()) {
    if (const auto schema = mw::schema::FromJson(*json); schema.ok()) CheckAccepted(*schema);
  }
  if (const auto schema = mw::schema::ParseYaml(text, "schema.yaml"); schema.ok()) CheckAccepted(*schema);
  return 0;
}
