//! Percentiles of what a histogram counted, as well as its buckets tell.

use std::time::Duration;

use crate::telemetry::latency::{BOUNDS, BUCKETS};

/// Returns within what time a share of what was counted was done, 0.5 being the half of it; nothing where nothing was.
///
/// Inside a bucket all times are taken to be equally likely. What took longer than the last bound counts as that bound.
pub fn percentile(counts: &[u64; BUCKETS], share: f64) -> Option<Duration> {
    let all: u64 = counts.iter().sum();
    let rank = (all as f64) * share;
    let mut below = 0_u64;
    let mut lower = 0;
    for (bucket, &count) in counts.iter().enumerate() {
        let Some(&upper) = BOUNDS.get(bucket) else { break };
        let up_to = below + count;
        if count > 0 && up_to as f64 >= rank {
            let part = ((rank - below as f64) / count as f64).clamp(0.0, 1.0);
            let span = Duration::from_nanos(upper - lower);
            return Some(Duration::from_nanos(lower) + span.mul_f64(part));
        }
        (below, lower) = (up_to, upper);
    }
    (all > 0).then(|| Duration::from_nanos(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(buckets: &[(usize, u64)]) -> [u64; BUCKETS] {
        let mut counts = [0; BUCKETS];
        for (bucket, count) in buckets {
            counts[*bucket] = *count;
        }
        counts
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(percentile(&[0; BUCKETS], 0.5), None);
    }

    #[test]
    fn a_percentile_lies_in_its_bucket_by_its_share() {
        // 90 within half a millisecond, 10 between 5 and 10.
        let counts = counted(&[(0, 90), (4, 10)]);
        assert_eq!(percentile(&counts, 0.45), Some(Duration::from_micros(250)));
        assert_eq!(percentile(&counts, 0.90), Some(Duration::from_micros(500)));
        assert_eq!(percentile(&counts, 0.95), Some(Duration::from_micros(7_500)));
        assert_eq!(percentile(&counts, 1.0), Some(Duration::from_millis(10)));
    }

    #[test]
    fn what_took_longer_than_is_told_apart_counts_as_the_last_bound() {
        let counts = counted(&[(0, 1), (BUCKETS - 1, 99)]);
        assert_eq!(percentile(&counts, 0.5), Some(Duration::from_secs(30)));
    }
}
