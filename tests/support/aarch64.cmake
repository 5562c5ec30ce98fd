# Cross-compiles for aarch64 on another Debian machine; tests run under
# qemu-user. The compiler's packages bring the C library; `./run cross` unpacks
# the others' aarch64 packages into build/aarch64-root, so that the machine's
# own list of architectures stays as it is.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

cmake_path(SET root NORMALIZE
    ${CMAKE_CURRENT_LIST_DIR}/../../build/aarch64-root)
set(CMAKE_FIND_ROOT_PATH ${root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${root})
set(ENV{PKG_CONFIG_LIBDIR} ${root}/usr/lib/aarch64-linux-gnu/pkgconfig)
