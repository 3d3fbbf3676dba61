//! Audit: entries of all journals by what people ask for.

use crate::{Note, Place, at, note, write};
use valence_journal::{EntryQuery, JournalId};

fn found(place: &Place, query: &EntryQuery) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    let mut each = |journal: JournalId, block: valence_journal::Block| {
        block.body::<Note>().unwrap();
        all.push((journal.instance, block.seq()));
        true
    };
    place.store().find(query, &mut each).unwrap();
    all
}

pub fn entries_are_found_by_kind_key_time_slot_and_instance(place: Place) {
    let (mut one, mut two) = (place.begin("one"), place.begin("two"));
    for n in 0..6 {
        let about = (n % 2 == 0).then(|| format!("key{n}"));
        let word = if n == 4 { "intent" } else { "a" };
        one.append(at(n), Note { about, ..note(word) }).unwrap();
        two.append(at(n + 3), Note { bytes: vec![n as u8; 9000], ..note("a") }).unwrap();
    }
    one.barrier().wait().unwrap();
    two.barrier().wait().unwrap();
    let place = place.reopened();
    let all = EntryQuery::default;
    assert_eq!(found(&place, &all()).len(), 12);
    assert_eq!(found(&place, &EntryQuery { kinds: ["intent".to_owned()].into(), ..all() }), [(1, 4)]);
    let both = ["intent".to_owned(), "call".to_owned()].into();
    assert_eq!(found(&place, &EntryQuery { kinds: both, ..all() }).len(), 12);
    assert_eq!(found(&place, &EntryQuery { key: Some("key2".into()), ..all() }), [(1, 2)]);
    let late = EntryQuery { since: Some(1004), until: Some(1006), ..all() };
    assert_eq!(found(&place, &late), [(1, 4), (2, 1), (1, 5), (2, 2)]);
    assert_eq!(found(&place, &EntryQuery { newest_first: true, limit: 3, ..late }), [(2, 2), (1, 5), (2, 1)]);
    let slots = EntryQuery { instance: Some(2), from_slot: Some(4), to_slot: Some(6), ..all() };
    assert_eq!(found(&place, &slots), [(2, 1), (2, 2), (2, 3)]);
    let mut seen = 0;
    let mut twice = |_, _| {
        seen += 1;
        seen < 2
    };
    place.store().find(&all(), &mut twice).unwrap();
    assert_eq!(seen, 2);
}

pub fn a_page_of_entries_is_read(place: Place) {
    let mut journal = place.begin("one");
    write(&mut journal, &["a", "b", "c", "d"]);
    let page = |from, most| {
        let blocks = place.store().entries(journal.id(), from, most).unwrap();
        blocks.iter().map(|b| b.body::<Note>().unwrap().word).collect::<String>()
    };
    assert_eq!(page(0, 10), "abcd");
    assert_eq!(page(1, 2), "bc");
    assert_eq!(page(4, 2), "");
}
