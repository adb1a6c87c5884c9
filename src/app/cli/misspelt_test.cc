// Command lines with a word that nobody knows.
#include "app/cli/misspelt.h"

#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace mw::app::cli {
namespace {

std::string Said(const std::string& line) {
  CLI::App root("test");
  root.require_subcommand(1);
  CLI::App* predict = root.add_subcommand("predict", "asks");
  std::string input, endpoint;
  bool example = false;
  predict->add_option("endpoint", endpoint, "who");
  predict->add_option("--input", input, "what");
  predict->add_flag("--example", example, "only shown");
  try {
    root.parse(line);
  } catch (const CLI::ExtrasError&) {
    return UnknownOption(root);
  }
  return "parsed";
}

TEST(MisspeltTest, AnOptionIsNamedWithTheNearest) {
  EXPECT_EQ(Said("predict late --input x"), "parsed");
  const std::string help = "; millwright predict --help lists them";
  EXPECT_EQ(Said("predict late --inptu x"), "predict has no option \"--inptu\"; did you mean --input" + help);
  EXPECT_EQ(Said("predict late --exmaple=1"), "predict has no option \"--exmaple\"; did you mean --example" + help);
  EXPECT_EQ(Said("predict late --colour red"), "predict has no option \"--colour\"" + help);
  EXPECT_EQ(Said("predict late more words"), "") << "no option";
}

TEST(MisspeltTest, ANameIsHeldAgainstThoseThatThereAre) {
  EXPECT_TRUE(CheckKnown("endpoint", "late", {"iris", "late"}).ok());
  EXPECT_EQ(CheckKnown("endpoint", "lat", {"iris", "late"}).error().message,
            "no endpoint \"lat\" is known; did you mean late?");
  EXPECT_EQ(CheckKnown("endpoint", "fraud", {"iris", "late"}).error().message,
            "no endpoint \"fraud\" is known; there are iris, late");
  EXPECT_EQ(CheckKnown("endpoint", "fraud", {}).error().message, "no endpoint \"fraud\" is known; there is none");
}

}  // namespace
}  // namespace mw::app::cli
