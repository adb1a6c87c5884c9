// What MLflow's rules for names mean by a word character: a letter or digit of any script, or an underscore. Pure.
#pragma once

#include <string_view>

namespace mw::api::mlflow {

/// As \w of Python's regular expressions has it, by Unicode 14.
bool IsWordCharacter(char32_t character);

/// Takes the first character off UTF-8 text that is not empty; U+FFFD, which is in no word, off what is no UTF-8.
char32_t TakeCharacter(std::string_view& text);

}  // namespace mw::api::mlflow
