# Libraries from Debian, found by name; DuckDB's shared library, which the set-up unpacks under build/deps.
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_library(MW_ZSTD zstd REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_library(MW_SIMDJSON simdjson REQUIRED)
find_library(MW_XGBOOST xgboost REQUIRED)

set(MW_DUCKDB_DIR ${CMAKE_SOURCE_DIR}/build/deps/duckdb CACHE PATH "DuckDB's header and shared library")
if(NOT EXISTS ${MW_DUCKDB_DIR}/lib/libduckdb.so)
  message(FATAL_ERROR "DuckDB is not at ${MW_DUCKDB_DIR}; run `make setup`, which fetches it")
endif()
add_library(mw_duckdb_library SHARED IMPORTED)
set_target_properties(mw_duckdb_library PROPERTIES
  IMPORTED_LOCATION ${MW_DUCKDB_DIR}/lib/libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES ${MW_DUCKDB_DIR}/include)

# ONNX Runtime is opened at run time, by mw-backend alone: its header is asked for when that is compiled.
set(MW_ONNXRUNTIME_DIR ${CMAKE_SOURCE_DIR}/build/deps/onnxruntime CACHE PATH "ONNX Runtime: headers and library")
add_library(mw_onnxruntime_headers INTERFACE)
target_include_directories(mw_onnxruntime_headers SYSTEM INTERFACE ${MW_ONNXRUNTIME_DIR}/include)

if(MW_TESTS)
  find_package(GTest REQUIRED)
endif()
if(MW_BENCH)
  find_package(benchmark REQUIRED)
endif()

include(Grpc)

# Which outside libraries a module's own files use.
set(MW_LIBS_base Threads::Threads yaml-cpp OpenSSL::Crypto ${MW_SIMDJSON})
set(MW_LIBS_net OpenSSL::SSL ZLIB::ZLIB ${MW_ZSTD})
set(MW_LIBS_db SQLite::SQLite3 PostgreSQL::PostgreSQL)
set(MW_LIBS_data mw_duckdb_library)
set(MW_LIBS_steps ${MW_XGBOOST})
set(MW_LIBS_load mw_grpc)
set(MW_LIBS_api mw_grpc)
# Which outside libraries only a module's tests use: answers are compared with XGBoost itself.
set(MW_TEST_LIBS_forest ${MW_XGBOOST})
set(MW_TEST_LIBS_serving ${MW_XGBOOST})
set(MW_TEST_LIBS_explain ${MW_XGBOOST})
