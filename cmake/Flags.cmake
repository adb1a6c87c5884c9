# Warnings, hardening and sanitizers, for every target of the project.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Wvla
                    -fno-omit-frame-pointer -ffp-contract=off)
add_link_options(-Wl,--as-needed)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 warns of overlapping copies inside its own std::string (GCC bug 105329).
  add_compile_options(-Wno-restrict)
endif()
if(MW_SANITIZE STREQUAL "address")
  # One tree for the fuzz targets and for the tests under AddressSanitizer: half the time of two.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(MW_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
else()
  add_compile_options(-fstack-protector-strong -fcf-protection)
  add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wthread-safety)
endif()
# Release keeps its assertions (MW_ASSERT does not look at NDEBUG) and its line tables.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
# Sanitizer builds look for faults, not for speed: with the presets' unity builds a quarter of the compiler's time.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
