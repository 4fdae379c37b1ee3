include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
# With sanitizers a program starts faster at a fixed address: 270,000 of their relocations need not be made.
if(LEVERET_ASAN)
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
else()
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()

# Builds for tests link hundreds of programs: the fastest linker that is there.
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  foreach(linker mold gold)
    check_linker_flag(C -fuse-ld=${linker} LEVERET_HAVE_${linker})
    if(LEVERET_HAVE_${linker})
      add_link_options(-fuse-ld=${linker})
      break()
    endif()
  endforeach()
endif()

function(leveret_apply_flags target)
  target_compile_options(${target} INTERFACE
    -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wformat=2 -Wundef -Wvla -Wswitch -Wimplicit-fallthrough -Wno-missing-field-initializers
    $<$<C_COMPILER_ID:Clang>:-Wno-string-concatenation> # in lists of texts, a text of two lines
    -fno-common -fno-strict-overflow -UNDEBUG) # assertions stay on in every build
  if(LEVERET_WERROR)
    target_compile_options(${target} INTERFACE -Werror)
  endif()
  if(LEVERET_ASAN)
    target_compile_options(${target} INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fno-pie)
    target_link_options(${target} INTERFACE -fsanitize=address,undefined -no-pie)
  endif()
  if(LEVERET_TSAN)
    target_compile_options(${target} INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(${target} INTERFACE -fsanitize=thread)
  endif()
  if(LEVERET_FUZZ)
    target_compile_options(${target} INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  if(LEVERET_COVERAGE)
    target_compile_options(${target} INTERFACE --coverage)
    target_link_options(${target} INTERFACE --coverage)
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT LEVERET_ASAN AND NOT LEVERET_TSAN)
    target_compile_options(${target} INTERFACE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE
                           -D_FORTIFY_SOURCE=2)
  endif()
endfunction()

function(leveret_apply_hardening target)
  target_link_options(${target} PRIVATE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
endfunction()
