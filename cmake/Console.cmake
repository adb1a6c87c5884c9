# The console: bundled by esbuild into one generated source file of the api module.
find_program(MW_NODE node REQUIRED)
set(console ${CMAKE_SOURCE_DIR}/console)
if(NOT EXISTS ${console}/node_modules/esbuild)
  message(FATAL_ERROR "The console's packages are not at ${console}/node_modules; run `make setup`, which fetches them")
endif()
file(GLOB_RECURSE console_sources CONFIGURE_DEPENDS ${console}/src/*)
set(console_bundle ${CMAKE_BINARY_DIR}/console/bundle.cc)
add_custom_command(OUTPUT ${console_bundle}
  COMMAND ${MW_NODE} ${console}/build.mjs ${CMAKE_BINARY_DIR}/console
  DEPENDS ${console}/build.mjs ${console}/package-lock.json ${console_sources}
  COMMENT "Bundling the console")
target_sources(mw_api PRIVATE ${console_bundle})
