# How every target is compiled: language level, warnings, sanitizers, ccache and mold where they are installed.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(THROUGHLINE_SANITIZE "" CACHE STRING "Value of -fsanitize= for every target; empty for none")

# Distributions build gRPC without ThreadSanitizer, which then cannot see its synchronisation.
option(THROUGHLINE_GRPC "Build what needs gRPC: the API, the gateway and the programs" ON)

# -O1 with line tables: sanitized tests over a quarter million real events finish in seconds, and gcc compiles
# at -O1 only about a fifth slower than at -O0.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}"
      CCACHE_NOHASHDIR=1 "CCACHE_SLOPPINESS=pch_defines,time_macros" "${CCACHE}")
  # Debug information and __FILE__ must not contain the checkout's path, or no two checkouts share a cache entry.
  add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(THROUGHLINE_SANITIZE)
  add_compile_options("-fsanitize=${THROUGHLINE_SANITIZE}" -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${THROUGHLINE_SANITIZE}")
  if(THROUGHLINE_SANITIZE STREQUAL "thread")
    # Headers of Protobuf give classes another layout under this macro than Debian's library was built with.
    add_compile_options(-U__SANITIZE_THREAD__)
  endif()
endif()

# Our own code only; generated code is exempt (it sets none of these).
add_library(throughline_warnings INTERFACE)
# Warnings are errors where we work and test, not where someone builds to run: g++ 12 reports, when it optimises, string
# concatenation and variants that it has inlined itself (GCC bugs 105651 and 105593).
target_compile_options(
  throughline_warnings
  INTERFACE -Wall -Wextra $<IF:$<CONFIG:Release>,-Wno-restrict;-Wno-maybe-uninitialized,-Werror>)
