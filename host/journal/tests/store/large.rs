//! Large values and components.

use crate::{Note, Place, at, note};
use valence_journal::{LARGE, verify};

pub fn a_large_value_is_stored_once_and_put_back(place: Place) {
    let mut journal = place.begin("one");
    let value: Vec<u8> = (0..3 * LARGE).map(|n| n as u8).collect();
    let big = Note { bytes: value.clone(), ..note("big") };
    for n in 0..3 {
        journal.append(at(n), big.clone()).unwrap();
    }
    journal.barrier().wait().unwrap();
    let (id, head) = (journal.id(), journal.head());
    let place = place.reopened();
    let loaded = place.store().load(id).unwrap();
    assert_eq!((loaded.damage, verify(&loaded.blocks, head)), (None, Ok(())));
    for block in &loaded.blocks {
        assert_eq!(block.body::<Note>().unwrap(), big);
        assert!(block.bytes().len() < 300, "{}", block.bytes().len());
        assert_eq!(block.names().len(), 1);
    }
    let name = loaded.blocks[0].names()[0];
    assert_eq!((name.codec(), name.version()), (0x55, cid::Version::V1));
    assert_eq!(place.store().large(&name).unwrap(), Some(value));
    assert_eq!(place.store().large(&loaded.blocks[0].cid()).unwrap(), None);
    // Without its large values a chain does not verify, and its entry does not decode.
    let bare: Vec<_> = loaded.blocks.iter().map(|b| b.clone().with_large(vec![])).collect();
    assert!(verify(&bare, head).unwrap_err().to_string().contains(&name.to_string()));
    assert!(bare[0].body::<Note>().unwrap_err().to_string().contains("missing"));
    place.sound();
}

pub fn a_value_just_below_the_limit_stays_inside(place: Place) {
    let mut journal = place.begin("one");
    let small = Note { bytes: vec![5; LARGE - 1], ..note("small") };
    journal.append(at(0), small.clone()).unwrap();
    journal.append(at(0), Note { bytes: vec![5; LARGE], ..note("small") }).unwrap();
    journal.barrier().wait().unwrap();
    let blocks = place.store().load(journal.id()).unwrap().blocks;
    assert_eq!(blocks[0].names(), []);
    assert_eq!(blocks[0].body::<Note>().unwrap(), small);
    assert_eq!(blocks[1].names().len(), 1);
}

pub fn a_component_is_kept_by_its_digest(place: Place) {
    use sha2::Digest as _;
    let bytes = b"a component".repeat(1000);
    let digest: [u8; 32] = sha2::Sha256::digest(&bytes).into();
    assert_eq!(place.store().component(&digest).unwrap(), None);
    place.store().put_component(&digest, &bytes).unwrap();
    place.store().put_component(&digest, &bytes).unwrap();
    let place = place.reopened();
    assert_eq!(place.store().component(&digest).unwrap(), Some(bytes));
    place.sound();
}
