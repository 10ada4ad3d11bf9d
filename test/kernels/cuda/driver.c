// Stands for NVIDIA's driver, libcuda.so.1, where there is no GPU: says of itself what the environment tells it to. The CUDA
// runtime asks for the version first, then starts the driver; only a driver that starts is asked for more.
#include <stdlib.h>

int cuDriverGetVersion(int* version) {
    *version = atoi(getenv("GLEAM_TEST_DRIVER_VERSION"));
    return 0;
}

int cuInit(unsigned flags) {
    (void)flags;
    return atoi(getenv("GLEAM_TEST_DRIVER_STATUS"));
}
