/* What jemalloc reads before `main` begins. A proxied request borrows a buffer of 64 KiB, twice what a thread keeps at
   hand by default; without it, each goes back to the arena and is fetched from there again. */
const char *_rjem_malloc_conf = "tcache_max:131072";
