// Refuses a compiler that would fail in the middle of a header, with one sentence. The first thing that Rondo's headers include.
#pragma once

#if defined(__clang__)
#if __clang_major__ < 16
#define RONDO_REFUSES_COMPILER
#endif
#elif defined(__GNUC__)
#if __GNUC__ < 12
#define RONDO_REFUSES_COMPILER
#endif
#endif

// Neither compiler stops at an #error, but both do where a file is missing.
#ifdef RONDO_REFUSES_COMPILER
#error "Rondo needs GCC 12, Clang 16, or a newer version of one of them. This compiler is older."
#include <rondo/needs-GCC-12-or-Clang-16>
#elif __cplusplus < 202002L
#error "Rondo needs C++20: compile with -std=c++20."
#include <rondo/needs-std=c++20>
#endif
