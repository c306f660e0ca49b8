# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the fuzzers with clang, the libraries with them:
#	make -f SRC/tests/fuzz/fuzz.mk SRC=SRC BUILD=CONFIGURED-BUILD-FOLDER
# in the folder that shall hold them.
FUZZ_CC ?= clang
HERE = $(SRC)/tests/fuzz
SANITIZE = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
CFLAGS = -std=gnu11 -g -O1 -Wall -Wextra -Wno-missing-field-initializers -Werror -fno-omit-frame-pointer \
	-pthread -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 -DHAVE_CONFIG_H -DEXT4_DEBUG \
	-I$(BUILD)/lib -I$(SRC)/lib -I$(SRC) -I$(HERE) $(shell pkg-config --cflags fuse3 com_err)
LIBS = $(shell pkg-config --libs fuse3 com_err blkid uuid libbsd)

SUMS = $(shell grep -o 'ext2fs_[a-z_]*_verify' $(HERE)/sums.c | sort -u) ext2fs_crc32c_le
WRAP = $(patsubst %,-Wl$(comma)--wrap=%,$(SUMS))
comma = ,

LIB_SRCS = $(wildcard $(SRC)/lib/ext2fs/*.c $(SRC)/lib/support/*.c $(SRC)/lib/jbd2/*.c $(SRC)/lib/ext4/*.c)
LIB_OBJS = $(patsubst $(SRC)/%.c,obj/%.o,$(LIB_SRCS)) obj/ext2_err.o
OPT_OBJS = obj/fuse4fs/options.o obj/fuse4fs/parse.o
COMMON = $(patsubst %,obj/tests/fuzz/%.o,fuzzio sums)

all: fuzz_image fuzz_journal fuzz_options

fuzz_image: $(patsubst %,obj/tests/fuzz/%.o,fuzz_image base mutate ops) $(COMMON) $(LIB_OBJS)
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $(WRAP) -pthread -o $@ $^ $(LIBS)

fuzz_journal: obj/tests/fuzz/fuzz_journal.o $(COMMON) $(LIB_OBJS)
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $(WRAP) -pthread -o $@ $^ $(LIBS)

fuzz_options: obj/tests/fuzz/fuzz_options.o $(OPT_OBJS) $(LIB_OBJS)
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(LIBS)

obj/ext2_err.o: $(BUILD)/lib/ext2fs/ext2_err.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(CFLAGS) $(SANITIZE) -c -o $@ $<

obj/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

-include $(shell find obj -name '*.d' 2>/dev/null)
