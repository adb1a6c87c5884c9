// Element after element.
#include "blob/s3_answers.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace mw::blob {
namespace {

constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
    {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};

std::string Unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t used = 1;
    char c = text.front();
    for (const auto& [entity, meant] : kEntities) {
      if (text.starts_with(entity)) c = meant, used = entity.size();
    }
    out += c;
    text.remove_prefix(used);
  }
  return out;
}

/// What lies between <name> and </name>, from `at` on, which moves behind it.
std::optional<std::string_view> Element(std::string_view xml, std::string_view name, std::size_t& at) {
  const std::string open = Cat("<", name, ">"), close = Cat("</", name, ">");
  const std::size_t begin = xml.find(open, at);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = xml.find(close, begin + open.size());
  if (end == std::string_view::npos) return std::nullopt;
  at = end + close.size();
  return xml.substr(begin + open.size(), end - begin - open.size());
}

}  // namespace

std::optional<std::string> XmlText(std::string_view xml, std::string_view name) {
  std::size_t at = 0;
  const auto element = Element(xml, name, at);
  return element ? std::optional(Unescaped(*element)) : std::nullopt;
}

Result<S3Listing> ParseS3Listing(std::string_view xml) {
  if (xml.find("<ListBucketResult") == std::string_view::npos) {
    return InvalidArgument("this is no listing of a bucket: ", Quoted(xml));
  }
  S3Listing listing;
  std::size_t at = 0;
  while (const auto object = Element(xml, "Contents", at)) {
    const auto key = XmlText(*object, "Key"), size = XmlText(*object, "Size");
    const auto bytes = size ? ParseInt(*size) : std::nullopt;
    if (!key || !bytes || *bytes < 0) return InvalidArgument("an object without a key and a size: ", Quoted(*object));
    listing.objects.push_back({*key, static_cast<std::uint64_t>(*bytes)});
  }
  if (XmlText(xml, "IsTruncated").value_or("") == "true") {
    listing.next = XmlText(xml, "NextContinuationToken").value_or("");
    if (listing.next.empty()) return InvalidArgument("a listing that goes on does not say where");
  }
  return listing;
}

}  // namespace mw::blob
