/* What jemalloc reads before `main` begins. A proxied request borrows a buffer of 64 KiB, twice what a thread keeps at
   hand by default; without `tcache_max`, each goes back to the arena and is fetched from there again. And a thread looks
   over what it keeps each time that it has allocated 64 KiB, which would be once or twice for each request: each look
   gives back what the next request asks for. There are as many arenas as processors, and not four times as many: a
   reload works on a thread of its own, which comes to another arena each time, and what the last one freed in its own
   would stand there unused. */
const char *_rjem_malloc_conf = "tcache_max:131072,tcache_gc_incr_bytes:16777216,narenas_ratio:1";
