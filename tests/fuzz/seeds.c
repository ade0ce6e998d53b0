/* seeds: writes the seeds of a fuzz target into a folder. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"

int main(int argc, char **argv)
{
    for (unsigned n = 0; argc == 2; n++) {
        struct writer seed = {0};
        char path[512];
        bool there = fuzz_seed(&seed, n);
        if (there) {
            snprintf(path, sizeof(path), "%s/seed-%u", argv[1], n);
            FILE *f = fopen(path, "wb");
            if (f == NULL || fwrite(seed.data, 1, seed.size, f) != seed.size || fclose(f) != 0)
                return 1;
        }
        writer_free(&seed);
        if (!there)
            return 0;
    }
    return 2;
}
