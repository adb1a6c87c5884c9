# One static library mw_<module> for each folder named in src/MODULES, linked as that table says.
# A file's name tells what it is: x_test.cc a test, x_contract.h a suite that drivers share, x_main.cc a program,
# x_avx2.cc code for processors that have it, which a unity build leaves alone.
function(mw_read_modules SRC)
  file(STRINGS ${SRC}/MODULES lines REGEX "^[a-z]+:")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${SRC}/MODULES)
  set(modules "")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([a-z]+):(.*)$" _ "${line}")
    set(module ${CMAKE_MATCH_1})
    string(STRIP "${CMAKE_MATCH_2}" deps)
    separate_arguments(deps)
    list(APPEND modules ${module})
    set(MW_DEPS_${module} "${deps}" PARENT_SCOPE)
  endforeach()
  set(MW_MODULES "${modules}" PARENT_SCOPE)
endfunction()

# Modules whose tests compute for long: under the sanitizers they are optimised a little.
set(MW_COMPUTING_MODULES base wire sketch forest explain evaluation serving api)
function(mw_optimise_computing TARGET MODULE)
  if(MODULE IN_LIST MW_COMPUTING_MODULES)
    target_compile_options(${TARGET} PRIVATE $<$<CONFIG:Debug>:-O1>)
  endif()
endfunction()

function(mw_add_modules SRC)
  mw_read_modules(${SRC})
  foreach(module IN LISTS MW_MODULES)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${SRC}/${module}/*.cc)
    list(FILTER sources EXCLUDE REGEX "_(test|main)\\.cc$|/foreign/")
    set(own_processor ${sources})
    list(FILTER own_processor INCLUDE REGEX "_(sse|avx2|avx512)\\.cc$")
    set_source_files_properties(${own_processor} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    list(LENGTH sources count)
    if(count EQUAL 0)
      add_library(mw_${module} INTERFACE)
      set(scope INTERFACE)
    else()
      add_library(mw_${module} STATIC ${sources})
      mw_optimise_computing(mw_${module} ${module})
      set(scope PUBLIC)
    endif()
    target_include_directories(mw_${module} ${scope} ${SRC})
    foreach(dep IN LISTS MW_DEPS_${module})
      target_link_libraries(mw_${module} ${scope} mw_${dep})
    endforeach()
    target_link_libraries(mw_${module} ${scope} ${MW_LIBS_${module}})
  endforeach()

  mw_add_program(millwright app ${SRC}/app/millwright_main.cc)
  mw_add_program(mw-step steps ${SRC}/steps/step_main.cc)
  # What names libraries that are not ours is in this program alone; it opens them when a model asks for them.
  file(GLOB foreign CONFIGURE_DEPENDS ${SRC}/serving/backend/foreign/*.cc)
  add_executable(mw-backend ${SRC}/serving/backend/backend_main.cc ${foreign})
  target_link_libraries(mw-backend PRIVATE mw_serving mw_onnxruntime_headers ${CMAKE_DL_LIBS})
  set_target_properties(mw-backend PROPERTIES BUILD_RPATH "$ORIGIN;$ORIGIN/../lib;${MW_ONNXRUNTIME_DIR}/lib")
  if(EXISTS ${SRC}/exec/shim_main.cc)
    # The shim is small, static and free of the project's libraries: it outlives what started it.
    add_executable(mw-shim ${SRC}/exec/shim_main.cc)
    target_include_directories(mw-shim PRIVATE ${SRC})
    if(NOT MW_SANITIZE)
      target_link_options(mw-shim PRIVATE -static -no-pie)
    endif()
  endif()
endfunction()

function(mw_add_program NAME MODULE MAIN)
  if(EXISTS ${MAIN})
    add_executable(${NAME} ${MAIN})
    target_link_libraries(${NAME} PRIVATE mw_${MODULE})
  endif()
endfunction()

# The programs that a module's tests start.
set(MW_TEST_PROGRAMS_exec mw-shim)
set(MW_TEST_PROGRAMS_serving mw-backend)
set(MW_TEST_PROGRAMS_steps mw-step)
set(MW_TEST_PROGRAMS_app millwright mw-step mw-shim mw-backend)

# Tests whose models run in the environment that tools/pyfunc makes; the test `pyfunc_environment` makes it before them.
set(MW_PYFUNC_TESTS_serving "PythonBackendTest.*")

function(mw_discover_tests MODULE PYFUNC)
  gtest_discover_tests(mw_${MODULE}_test DISCOVERY_MODE PRE_TEST TEST_FILTER "-${PYFUNC}"
    PROPERTIES LABELS ${MODULE} TIMEOUT 300)
  if(PYFUNC)
    gtest_discover_tests(mw_${MODULE}_test DISCOVERY_MODE PRE_TEST TEST_FILTER "${PYFUNC}"
      PROPERTIES LABELS ${MODULE} TIMEOUT 300 FIXTURES_REQUIRED pyfunc)
  endif()
endfunction()

function(mw_add_tests SRC)
  mw_read_modules(${SRC})
  include(GoogleTest)
  # The tree's place is told to tests by a file of its own, never by a flag: then their objects are every clone's.
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/test_paths.cc @ONLY CONTENT [[
#include "base/test_paths.h"

namespace mw {

const char kSourceDirectory[] = "@CMAKE_SOURCE_DIR@";
const char kBinaryDirectory[] = "@CMAKE_BINARY_DIR@";

}  // namespace mw
]])
  add_library(mw_test_paths STATIC ${CMAKE_BINARY_DIR}/test_paths.cc)
  target_include_directories(mw_test_paths PRIVATE ${SRC})
  foreach(module IN LISTS MW_MODULES)
    file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${SRC}/${module}/*_test.cc)
    if(tests)
      add_executable(mw_${module}_test ${tests})
      # Tests are compiled often and run once: the compiler's time counts, not theirs.
      target_compile_options(mw_${module}_test PRIVATE $<$<CONFIG:Release>:-O1>
        $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>)  # GCC's -Wconversion leaves signs alone in C++
      # GCC's names, which clang 16 does not define.
      target_compile_definitions(mw_${module}_test PRIVATE $<$<STREQUAL:${MW_SANITIZE},address>:__SANITIZE_ADDRESS__>
        $<$<STREQUAL:${MW_SANITIZE},thread>:__SANITIZE_THREAD__>)
      mw_optimise_computing(mw_${module}_test ${module})
      target_link_libraries(mw_${module}_test PRIVATE
        mw_${module} mw_test_paths GTest::gtest_main ${MW_TEST_LIBS_${module}})
      foreach(program IN LISTS MW_TEST_PROGRAMS_${module})
        if(TARGET ${program})
          add_dependencies(mw_${module}_test ${program})
        endif()
      endforeach()
      mw_discover_tests(${module} "${MW_PYFUNC_TESTS_${module}}")
    endif()
  endforeach()
endfunction()
