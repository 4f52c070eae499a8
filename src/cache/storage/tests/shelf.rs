//! Promises of shelves: their bound holds at every moment, and only they pay for it.

use super::*;

const SHELF: Shelving = Shelving { mark: 7, most: 4 };

fn shelved(name: &str, shelf: Shelving) -> CacheKey {
    let mut key = key(name);
    key.extensions.insert(shelf);
    key
}

impl World {
    fn stand(&self, name: &str, shelf: Option<Shelving>) {
        let key = shelf.map_or_else(|| key(name), |shelf| shelved(name, shelf));
        let sheet = writer::sheet(&self.store, &key, &meta(&self.store, name, Some(0))).unwrap();
        let entry = Entry::new(sheet, body::Body::new(Vec::new()));
        assert!(self.store.keep(&entry));
    }

    fn stands(&self, name: &str) -> bool {
        self.store.find(&key(name)).is_some()
    }

    /// Counts the entries of a shelf.
    fn on(&self, shelf: Shelving) -> u64 {
        let Some(shelf) = self.store.shelves.of(&shelved("", shelf)) else {
            return 0;
        };
        // Nobody comes while it is counted.
        let _turn = shelf.turn();
        let is_on = |entry: &Arc<Entry>| {
            entry
                .sheet()
                .shelf
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(known, &shelf))
        };
        self.store.table.walk().filter(is_on).count() as u64
    }
}

#[test]
fn a_newcomer_takes_the_place_of_one_of_its_shelf_that_nobody_asked_for() {
    let world = World::new(BOUNDS);
    let other = Shelving { mark: 8, most: 1 };
    world.stand("free", None);
    world.stand("other", Some(other));
    for name in ["a", "b", "c", "d"] {
        world.stand(name, Some(SHELF));
    }
    assert!(world.stands("a") && world.stands("c"));
    world.stand("e", Some(SHELF));
    world.stand("f", Some(SHELF));
    let left: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .into_iter()
        .filter(|name| world.stands(name))
        .collect();
    assert_eq!(left, ["a", "c", "e", "f"]);
    assert!(world.stands("free") && world.stands("other"));
    assert_eq!(world.store.figures().evictions, 2);
}

#[test]
fn a_bound_that_is_stated_anew_holds_from_the_next_on() {
    let world = World::new(BOUNDS);
    for number in 0..10 {
        world.stand(&number.to_string(), Some(SHELF));
    }
    world.stand("less", Some(Shelving { most: 2, ..SHELF }));
    assert_eq!((world.on(SHELF), world.stands("less")), (2, true));
}

#[test]
fn a_shelf_never_has_more_whoever_comes_and_goes_at_once() {
    let world = World::new(BOUNDS);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let world = &world;
            scope.spawn(move || {
                for number in 0..2_000 {
                    // Several write one address, and some are taken away.
                    let name = ((number * (thread + 1)) % 23).to_string();
                    world.stand(&name, Some(SHELF));
                    world.stands(&(number % 23).to_string());
                    if number % 17 == 0 {
                        world.store.table.clear(&Address::of(&key(&name)));
                    }
                    assert!(world.on(SHELF) <= SHELF.most);
                }
            });
        }
    });
    // What was asked for stays once more than what was not; so the first of these may go before it.
    let lasting = 2 * SHELF.most..3 * SHELF.most;
    for number in 0..lasting.end {
        world.stand(&format!("last {number}"), Some(SHELF));
    }
    assert!(
        lasting
            .into_iter()
            .all(|number| world.stands(&format!("last {number}"))),
        "no place was lost"
    );
}

#[tokio::test]
async fn what_left_its_shelf_is_not_found_on_the_disk() {
    let directory = disk::private();
    let world = disk::opened(directory.path());
    for name in ["a", "b", "c", "d"] {
        world.stand(name, Some(SHELF));
        assert!(world.stands(name));
    }
    world.until(|disk| disk.written == 4);
    for name in ["e", "f"] {
        world.stand(name, Some(SHELF));
    }
    world.until(|disk| disk.entries == 2);
    world.clear_memory();
    // What comes back from the disk is on its shelf, too.
    world.stand("g", Some(Shelving { most: 1, ..SHELF }));
    let mut found = 0;
    for name in ["a", "b", "c", "d"] {
        let key = shelved(name, Shelving { most: 1, ..SHELF });
        found += u64::from(world.doors.storage(b"").lookup(&key, &span()).await.unwrap().is_some());
        assert_eq!(world.on(SHELF), 1);
    }
    assert_eq!(found, 2);
}

/// A shelf in plain words: places, a hand, and what was asked for.
#[derive(Default)]
struct Model {
    places: Vec<Option<(u8, bool)>>,
    hand: usize,
    free: Vec<usize>,
}

impl Model {
    fn place(&self, name: u8) -> Option<usize> {
        self.places
            .iter()
            .position(|place| place.is_some_and(|(known, _)| known == name))
    }

    fn count(&self) -> usize {
        self.places.iter().flatten().count()
    }

    fn leave(&mut self, name: u8) {
        if let Some(place) = self.place(name) {
            self.places[place] = None;
            self.free.push(place);
        }
    }

    fn come(&mut self, name: u8, most: usize) {
        self.leave(name);
        while self.count() >= most {
            let hand = self.hand % self.places.len();
            self.hand = hand + 1;
            match &mut self.places[hand] {
                Some((_, used)) if *used => *used = false,
                Some((victim, _)) => {
                    let victim = *victim;
                    self.leave(victim);
                }
                None => {}
            }
        }
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some((name, false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_shelf_is_what_its_model_says(
        steps in proptest::collection::vec((0_u8..3, 0_u8..12), 0..200),
        most in 1_u64..6,
    ) {
        let world = World::new(BOUNDS);
        let shelf = Shelving { most, ..SHELF };
        let mut model = Model::default();
        for (kind, number) in steps {
            let name = number.to_string();
            match kind {
                0 => {
                    world.stand(&name, Some(shelf));
                    model.come(number, usize::try_from(most).unwrap());
                }
                1 => {
                    prop_assert_eq!(world.stands(&name), model.place(number).is_some());
                    if let Some(place) = model.place(number) {
                        model.places[place] = Some((number, true));
                    }
                }
                _ => {
                    world.store.table.clear(&Address::of(&key(&name)));
                    model.leave(number);
                    if model.count() == 0 {
                        // Nothing is left that would know of the shelf.
                        model = Model::default();
                    }
                }
            }
            prop_assert_eq!(world.on(shelf), model.count() as u64);
            prop_assert!(model.count() as u64 <= most);
        }
    }
}

#[test]
fn a_lower_bound_leaves_nobody_going_round_among_empty_places() {
    let world = World::new(BOUNDS);
    let wide = Shelving { mark: 7, most: 500 };
    (0..500).for_each(|number| world.stand(&number.to_string(), Some(wide)));
    let shelf = world.store.shelves.of(&shelved("", wide)).unwrap();
    assert_eq!(shelf.slots(), 500);
    for name in ["a", "b", "a", "c", "d", "e"] {
        world.stand(name, Some(SHELF));
        assert_eq!(world.on(SHELF), SHELF.most);
    }
    assert!(shelf.slots() <= 80 && world.stands("e"));
}
