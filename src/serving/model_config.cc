// Reads the fields that are honoured and names the others.
#include "serving/model_config.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "serving/text_format.h"

namespace mw::serving {
namespace {

constexpr std::int64_t kRowsMax = 1'000'000;
constexpr std::int64_t kInstancesMax = 256;
constexpr std::int64_t kDelayMaxUs = 60'000'000;
constexpr std::int64_t kWarmUpCountMax = 1000;
constexpr std::size_t kWarmUpSamplesMax = 100;

Result<std::int64_t> IntOf(const TextField& field, std::int64_t min, std::int64_t max) {
  const auto value = ParseInt(field.value);
  if (!field.is_message && !field.is_text && value && *value >= min && *value <= max) return std::int64_t{*value};
  return InvalidArgument(field.name, " is ", Quoted(field.value), "; it is a number from ", min, " to ", max);
}

Result<std::string> NameOf(const TextField& field) {
  if (!field.is_message && field.is_text && field.value.size() <= kTensorNameBytesMax) return field.value;
  return InvalidArgument(field.name, " is no text of at most ", kTensorNameBytesMax, " bytes");
}

Result<Datatype> DatatypeOf(const TextField& field) {
  const std::string_view name = field.value;
  if (name == "TYPE_STRING") return Datatype::kBytes;
  if (name.starts_with("TYPE_")) {
    if (const auto datatype = DatatypeFromName(name.substr(5))) return *datatype;
  }
  return InvalidArgument("data_type is ", Quoted(field.value), "; e.g. TYPE_FP32");
}

class ConfigReader {
 public:
  Result<ModelConfig> Read(const TextField& root) {
    for (const TextField& field : root.fields) TRY(ReadField(field));
    for (WarmUpSample& sample : config_.warm_up) {
      if (config_.max_batch_size == 0) continue;
      for (WarmUpInput& input : sample.inputs) {
        input.spec.shape.insert(input.spec.shape.begin(), std::max<std::int64_t>(sample.batch_size, 1));
      }
    }
    if (config_.max_batch_size > 0) {
      for (auto* specs : {&config_.inputs, &config_.outputs}) {
        for (TensorSpec& spec : *specs) spec.shape.insert(spec.shape.begin(), -1);
      }
    }
    return std::move(config_);
  }

 private:
  Status ReadField(const TextField& field) {
    if (field.name == "name") {
      config_.name = TRY(NameOf(field));
    } else if (field.name == "platform") {
      config_.platform = TRY(NameOf(field));
    } else if (field.name == "backend") {
      config_.backend = TRY(NameOf(field));
    } else if (field.name == "max_batch_size") {
      config_.max_batch_size = TRY(IntOf(field, 0, kRowsMax));
    } else if (field.name == "input") {
      TRY(ReadTensor(field, config_.inputs));
    } else if (field.name == "output") {
      TRY(ReadTensor(field, config_.outputs));
    } else if (field.name == "dynamic_batching") {
      TRY(ReadBatching(field));
    } else if (field.name == "version_policy") {
      TRY(ReadPolicy(field));
    } else if (field.name == "instance_group") {
      TRY(ReadInstances(field));
    } else if (field.name == "model_warmup") {
      TRY(ReadWarmUp(field));
    } else if (field.name == "default_model_filename") {
      config_.default_model_filename = TRY(NameOf(field));
    } else {
      NotHonoured(field.name);
    }
    return Ok();
  }

  void NotHonoured(const std::string& name) {
    auto& names = config_.not_honoured;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }

  Status ReadTensor(const TextField& field, std::vector<TensorSpec>& out) {
    if (!field.is_message || out.size() >= kTensorsMax)
      return InvalidArgument(field.name, " is no message, or too many");
    TensorSpec spec;
    for (const TextField& part : field.fields) {
      if (part.name == "name") {
        spec.name = TRY(NameOf(part));
      } else if (part.name == "data_type") {
        spec.datatype = TRY(DatatypeOf(part));
      } else if (part.name == "dims") {
        if (spec.shape.size() >= kTensorDimensionsMax) {
          return InvalidArgument(field.name, " has more than ", kTensorDimensionsMax, " dims");
        }
        spec.shape.push_back(TRY(IntOf(part, -1, std::int64_t{1} << 40)));
      } else {
        NotHonoured(Cat(field.name, ".", part.name));
      }
    }
    if (spec.name.empty()) return InvalidArgument("an ", field.name, " has no name");
    out.push_back(std::move(spec));
    return Ok();
  }

  Status ReadWarmUp(const TextField& field) {
    if (config_.warm_up.size() >= kWarmUpSamplesMax) {
      return InvalidArgument("more than ", kWarmUpSamplesMax, " samples of model_warmup");
    }
    WarmUpSample sample;
    for (const TextField& part : field.fields) {
      if (part.name == "name") {
        sample.name = TRY(NameOf(part));
      } else if (part.name == "batch_size") {
        sample.batch_size = TRY(IntOf(part, 0, kRowsMax));
      } else if (part.name == "count") {
        sample.count = std::max<std::int64_t>(TRY(IntOf(part, 0, kWarmUpCountMax)), 1);
      } else if (part.name == "inputs") {
        TRY(ReadWarmUpInput(part, sample));
      } else {
        NotHonoured(Cat("model_warmup.", part.name));
      }
    }
    config_.warm_up.push_back(std::move(sample));
    return Ok();
  }

  /// An entry of a map: key and value.
  Status ReadWarmUpInput(const TextField& field, WarmUpSample& sample) {
    const TextField* const key = field.Find("key");
    const TextField* const value = field.Find("value");
    if (key == nullptr || value == nullptr || sample.inputs.size() >= kTensorsMax) {
      return InvalidArgument("an input of model_warmup has no key, or no value");
    }
    WarmUpInput input;
    input.spec.name = TRY(NameOf(*key));
    for (const TextField& part : value->fields) {
      if (part.name == "data_type") {
        input.spec.datatype = TRY(DatatypeOf(part));
      } else if (part.name == "dims") {
        if (input.spec.shape.size() >= kTensorDimensionsMax) return InvalidArgument("too many dims in model_warmup");
        input.spec.shape.push_back(TRY(IntOf(part, 0, std::int64_t{1} << 40)));
      } else if (part.name == "zero_data" || part.name == "random_data") {
        input.data = part.name == "zero_data" ? WarmUpInput::Data::kZero : WarmUpInput::Data::kRandom;
      } else if (part.name == "input_data_file") {
        input.data = WarmUpInput::Data::kFile;
        input.file = TRY(NameOf(part));
      } else {
        NotHonoured(Cat("model_warmup.inputs.", part.name));
      }
    }
    sample.inputs.push_back(std::move(input));
    return Ok();
  }

  Status ReadBatching(const TextField& field) {
    for (const TextField& part : field.fields) {
      if (part.name == "max_queue_delay_microseconds") {
        config_.max_queue_delay_us = TRY(IntOf(part, 0, kDelayMaxUs));
      } else {
        NotHonoured(Cat("dynamic_batching.", part.name));
      }
    }
    return Ok();
  }

  Status ReadPolicy(const TextField& field) {
    using Kind = ModelConfig::VersionPolicy::Kind;
    for (const TextField& part : field.fields) {
      if (part.name == "latest") {
        config_.versions.kind = Kind::kLatest;
        if (const TextField* number = part.Find("num_versions")) {
          config_.versions.latest = TRY(IntOf(*number, 1, kRowsMax));
        }
      } else if (part.name == "all") {
        config_.versions.kind = Kind::kAll;
      } else if (part.name == "specific") {
        config_.versions.kind = Kind::kSpecific;
        for (const TextField& version : part.fields) {
          if (version.name == "versions") config_.versions.specific.push_back(TRY(IntOf(version, 1, INT64_MAX)));
        }
      } else {
        return InvalidArgument("version_policy has no ", Quoted(part.name), "; it is latest, all or specific");
      }
    }
    return Ok();
  }

  Status ReadInstances(const TextField& field) {
    for (const TextField& part : field.fields) {
      if (part.name == "count") {
        config_.instances = std::min(config_.instances + TRY(IntOf(part, 0, kInstancesMax)), kInstancesMax);
      } else if (part.name == "kind" && (part.value == "KIND_CPU" || part.value == "KIND_AUTO")) {
        continue;
      } else {
        NotHonoured(part.name == "kind" ? Cat("instance_group.kind ", part.value) : Cat("instance_group.", part.name));
      }
    }
    return Ok();
  }

  ModelConfig config_;
};

const TensorSpec* FindSpec(const std::vector<TensorSpec>& specs, std::string_view name) {
  const auto found =
      std::find_if(specs.begin(), specs.end(), [name](const TensorSpec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

std::string NamesOf(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return Join(names, ", ");
}

Status CheckOne(const TensorSpec& wanted, const std::vector<TensorSpec>& there, std::string_view what) {
  const TensorSpec* const found = FindSpec(there, wanted.name);
  if (found == nullptr) {
    return InvalidArgument("config.pbtxt: the model has no ", what, " ", Quoted(wanted.name), "; it has ",
                           NamesOf(there));
  }
  if (found->datatype != wanted.datatype) {
    return InvalidArgument("config.pbtxt: ", what, " ", Quoted(wanted.name), " is ", DatatypeName(found->datatype),
                           ", not ", DatatypeName(wanted.datatype));
  }
  bool fits = wanted.shape.empty() || found->shape.size() == wanted.shape.size();
  for (std::size_t i = 0; fits && i < wanted.shape.size(); ++i) {
    fits = found->shape[i] == wanted.shape[i] || found->shape[i] < 0 || wanted.shape[i] < 0;
  }
  if (fits) return Ok();
  return InvalidArgument("config.pbtxt: ", what, " ", Quoted(wanted.name), " has other dims in the model");
}

}  // namespace

Result<ModelConfig> ParseModelConfig(std::string_view text) {
  const TextField root = TRY(ParseTextFormat(text));
  return ConfigReader().Read(root);
}

std::vector<std::int64_t> ChooseVersions(const ModelConfig::VersionPolicy& policy,
                                         std::vector<std::int64_t> available) {
  using Kind = ModelConfig::VersionPolicy::Kind;
  std::sort(available.begin(), available.end(), std::greater<>());
  if (policy.kind == Kind::kLatest && available.size() > static_cast<std::size_t>(policy.latest)) {
    available.resize(static_cast<std::size_t>(policy.latest));
  }
  if (policy.kind == Kind::kSpecific) {
    std::erase_if(available, [&](std::int64_t version) {
      return std::find(policy.specific.begin(), policy.specific.end(), version) == policy.specific.end();
    });
  }
  return available;
}

Status CheckTensors(const ModelConfig& config, const Model& model) {
  if (model.takes_rows() && config.inputs.size() == 1 && config.inputs[0].datatype == Datatype::kFp32) {
    const std::vector<std::int64_t>& shape = config.inputs[0].shape;
    const auto features = static_cast<std::int64_t>(model.num_features());
    if (shape.empty() || shape.back() < 0 || shape.back() == features) return Ok();
    return InvalidArgument("config.pbtxt: input ", Quoted(config.inputs[0].name), " has ", shape.back(),
                           " columns, the model has ", features);
  }
  for (const TensorSpec& wanted : config.inputs) TRY(CheckOne(wanted, model.inputs(), "input"));
  if (model.takes_rows()) return Ok();
  for (const TensorSpec& wanted : config.outputs) TRY(CheckOne(wanted, model.outputs(), "output"));
  return Ok();
}

std::vector<std::string> TensorsNotHonoured(const ModelConfig& config, const Model& model) {
  std::vector<std::string> names;
  if (!model.takes_rows()) return names;
  for (const TensorSpec& input : config.inputs) {
    if (FindSpec(model.inputs(), input.name) != nullptr) continue;
    names.push_back(Cat("input ", Quoted(input.name), " (its columns keep their own names)"));
  }
  for (const TensorSpec& output : config.outputs) {
    if (FindSpec(model.outputs(), output.name) != nullptr) continue;
    names.push_back(Cat("output ", Quoted(output.name), " (the model gives ", NamesOf(model.outputs()), ")"));
  }
  return names;
}

}  // namespace mw::serving
