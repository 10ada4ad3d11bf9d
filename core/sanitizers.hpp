// Which sanitizer this is compiled with, whatever the compiler calls it. GLEAM_ADDRESS_SANITIZER is defined with that one.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define GLEAM_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GLEAM_ADDRESS_SANITIZER 1
#endif
#endif
