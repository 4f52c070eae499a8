//! How one of several endpoints is chosen: plain functions over plain numbers.
//!
//! Each looks only at endpoints that are open to it, so that the share of a lost one is spread over all the others.
//! What "open" means, and who counts, is the caller's business.

/// Chooses one endpoint after the other, skipping those that are not open.
///
/// Counting among the open ones, rather than taking the next open neighbour, gives each the same share.
pub(super) fn in_turn(turn: usize, count: usize, open: impl Fn(usize) -> bool) -> Option<usize> {
    if count == 1 {
        return open(0).then_some(0);
    }
    let healthy = (0..count).filter(|&index| open(index)).count();
    let nth = turn.checked_rem(healthy)?;
    // An endpoint may close between the two looks; any open one will do then.
    (0..count)
        .filter(|&index| open(index))
        .nth(nth)
        .or_else(|| (0..count).find(|&index| open(index)))
}

/// Chooses an open endpoint with the fewest requests under way; equals take turns.
///
/// `load` says how many are under way, or nothing for an endpoint that is not open. All of them are looked at: an API
/// has few endpoints, and a sample of two would only approximate this.
pub(super) fn least_loaded(turn: usize, count: usize, load: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    let least = (0..count).filter_map(&load).min()?;
    in_turn(turn, count, |index| {
        load(index).is_some_and(|under_way| under_way <= least)
    })
    .or_else(|| (0..count).find(|&index| load(index).is_some()))
}

/// Chooses the open endpoint with the highest score for a key, so that losing one moves only the keys it had.
///
/// `seed` tells endpoints apart by something that outlives a reload, or says nothing for one that is not open.
pub(super) fn rendezvous(key: u64, count: usize, seed: impl Fn(usize) -> Option<u64>) -> Option<usize> {
    (0..count)
        .filter_map(|index| seed(index).map(|seed| (mix(key ^ mix(seed)), index)))
        .max_by_key(|&(score, index)| (score, std::cmp::Reverse(index)))
        .map(|(_, index)| index)
}

/// Spreads a number over all 64 bits (the finisher of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_open_endpoint_gets_its_share_in_turn(open in prop::collection::vec(any::<bool>(), 1..12), start in 0usize..1000) {
            let healthy = open.iter().filter(|&&open| open).count();
            let mut shares = vec![0usize; open.len()];
            for turn in 0..healthy * 5 {
                shares[in_turn(start + turn, open.len(), |i| open[i]).unwrap()] += 1;
            }
            for (index, share) in shares.iter().enumerate() {
                prop_assert_eq!(*share, if open[index] { 5 } else { 0 });
            }
            prop_assert_eq!(in_turn(start, open.len(), |i| open[i]).is_some(), healthy > 0);
        }

        #[test]
        fn the_least_loaded_is_open_and_has_no_lighter_neighbour(loads in prop::collection::vec(prop::option::of(0usize..9), 1..12), turn: usize) {
            let chosen = least_loaded(turn, loads.len(), |i| loads[i]);
            let least = loads.iter().flatten().min();
            prop_assert_eq!(chosen.and_then(|i| loads[i]), least.copied());
        }

        #[test]
        fn losing_an_endpoint_moves_only_its_own_keys(seeds in prop::collection::hash_set(any::<u64>(), 2..9), lost: prop::sample::Index, keys in prop::collection::vec(any::<u64>(), 50)) {
            let seeds: Vec<u64> = seeds.into_iter().collect();
            let lost = lost.index(seeds.len());
            for key in keys {
                let before = rendezvous(key, seeds.len(), |i| Some(seeds[i])).unwrap();
                let after = rendezvous(key, seeds.len(), |i| (i != lost).then_some(seeds[i])).unwrap();
                prop_assert!(after != lost);
                prop_assert!(before == lost || before == after);
            }
        }
    }

    #[test]
    fn equally_loaded_endpoints_take_turns() {
        let chosen: Vec<_> = (0..6).map(|turn| least_loaded(turn, 3, |_| Some(4)).unwrap()).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn keys_are_spread_over_all_endpoints() {
        let mut shares = [0usize; 4];
        for key in 0..4000 {
            shares[rendezvous(mix(key), 4, |i| Some(i as u64)).unwrap()] += 1;
        }
        assert!(shares.iter().all(|&share| (800..1200).contains(&share)), "{shares:?}");
    }
}
