# gRPC without TLS and protobuf's small runtime, linked statically: as fifty shared libraries they cost the program 8 ms
# and 5 MB at each start. Messages are compiled from the .proto files, without reflection, into a library of their own
# in the build directory.
find_program(MW_PROTOC protoc REQUIRED)
find_library(MW_GRPCPP libgrpc++_unsecure.a REQUIRED)
get_filename_component(grpc_libraries ${MW_GRPCPP} DIRECTORY)
file(GLOB abseil ${grpc_libraries}/libabsl_*.a)
add_library(mw_grpc INTERFACE)
target_link_libraries(mw_grpc INTERFACE mw_inference_proto
  -Wl,--start-group ${MW_GRPCPP} ${grpc_libraries}/libgrpc_unsecure.a ${grpc_libraries}/libgpr.a
  ${grpc_libraries}/libaddress_sorting.a ${grpc_libraries}/libre2.a ${grpc_libraries}/libupb.a
  ${grpc_libraries}/libcares.a ${abseil} -Wl,--end-group z resolv Threads::Threads)

set(proto_source ${CMAKE_SOURCE_DIR}/src/api/inference/grpc)
set(proto_generated ${CMAKE_BINARY_DIR}/proto)
file(MAKE_DIRECTORY ${proto_generated})
foreach(name open_inference health)
  add_custom_command(OUTPUT ${proto_generated}/${name}.pb.cc ${proto_generated}/${name}.pb.h
    COMMAND ${MW_PROTOC} -I${proto_source} --cpp_out=lite:${proto_generated} ${name}.proto
    DEPENDS ${proto_source}/${name}.proto
    COMMENT "Compiling ${name}.proto")
endforeach()
add_library(mw_inference_proto STATIC ${proto_generated}/open_inference.pb.cc ${proto_generated}/health.pb.cc)
target_include_directories(mw_inference_proto SYSTEM PUBLIC ${proto_generated})
target_compile_options(mw_inference_proto PRIVATE -w)
target_link_libraries(mw_inference_proto PUBLIC ${grpc_libraries}/libprotobuf-lite.a Threads::Threads)
