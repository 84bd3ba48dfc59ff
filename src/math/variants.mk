# Flags of the files that are built once an instruction set; $(OBJECT_ROOT) is where the objects lie. No -ffast-math: sums keep
# their order, only a product and a sum may become one instruction.
KERNEL_FLAGS := -O3 -ffp-contract=fast -fno-math-errno
$(OBJECT_ROOT)src/math/kernels_x86_64.o: KERNEL_VARIANT := $(KERNEL_FLAGS)
$(OBJECT_ROOT)src/math/kernels_avx2.o: KERNEL_VARIANT := $(KERNEL_FLAGS) -mavx2 -mfma
$(OBJECT_ROOT)src/math/kernels_avx512.o: KERNEL_VARIANT := $(KERNEL_FLAGS) -mavx2 -mfma -mavx512f -mavx512dq -mprefer-vector-width=512
