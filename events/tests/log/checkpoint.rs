//! Checkpoints against another implementation of the note format, and against every small change.

use events::{
    checkpoint::{Checkpoint, CheckpointError, CheckpointKey, CheckpointPolicy, CheckpointSigner, Origin},
    id::{Epoch, LedgerId},
    merkle::{
        Frontier, TreeHash, leaf_hash,
        proof::{ProofError, prove_consistency},
    },
};
use proptest::prelude::*;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

use crate::{
    book::{Book, LEDGER},
    golden,
};

const SEED: [u8; 32] = [0x5e; 32];

fn origin() -> Origin {
    Origin { ledger_id: LEDGER, epoch: Epoch(2) }
}

fn signer() -> CheckpointSigner {
    CheckpointSigner::new(origin(), &SEED)
}

fn policy() -> CheckpointPolicy {
    CheckpointPolicy { origin: origin(), keys: vec![signer().key().clone()] }
}

fn checkpoint() -> Checkpoint {
    let head = Book::of_every_event().head();
    Checkpoint { origin: origin(), size: head.size, root: head.root.expect("a book has one") }
}

/// Signs any text with the key of this file, by the other implementation.
fn signed_by_them(text: &str) -> Vec<u8> {
    let key = signer().key().to_string();
    let (name_and_id, _) =
        key.rsplit_once(&key[key.len() - 45..]).expect("44 letters of base64 after a plus");
    let private = encode_base64(&[&[1], SEED.as_slice()].concat());
    let signer = StandardSigner::new(&format!("PRIVATE+KEY+{name_and_id}+{private}")).expect("a key");
    let mut note = Note::new(text.as_bytes(), &[]).expect("a text");
    note.add_sigs(&[&signer]).expect("a signature");
    note.to_bytes()
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_checkpoint_is_its_golden_file() {
    let note = signer().sign(&checkpoint());
    golden::check("checkpoint.note", &note);
    golden::check("checkpoint.key", &format!("{}\n", signer().key()));
    assert_eq!(policy().open(note.as_bytes()), Ok(checkpoint()));
}

#[test]
fn the_other_implementation_reads_ours_and_we_read_theirs() {
    let key = signer().key().to_string();
    let verifier = StandardVerifier::new(&key).expect("our key in their hands");
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let mut frontier = Frontier::default();
    for size in 0..=300_u64 {
        let ours = Checkpoint { origin: origin(), size, root: frontier.root() };
        let bytes = signer().sign(&ours).into_bytes();
        let note = Note::from_bytes(&bytes).expect("our note in their hands");
        let (checked, passed_over) = note.verify(&known).expect("our signature in their hands");
        assert_eq!((checked.len(), passed_over.len()), (1, 0));
        let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).expect("our text in their hands");
        assert_eq!((theirs.origin(), theirs.size()), (origin().to_string().as_str(), size));
        assert_eq!(theirs.hash().0, frontier.root().0);
        assert_eq!(theirs.extension(), "");

        let made_by_them = signed_by_them(&ours.to_string());
        assert_eq!(made_by_them, bytes, "Ed25519 signatures and the note's form leave no choice");
        assert_eq!(policy().open(&made_by_them), Ok(ours));
        frontier.push(leaf_hash(&size.to_le_bytes()));
    }
}

#[test]
fn l05_every_flipped_bit_of_a_note_is_refused() {
    let note = signer().sign(&checkpoint()).into_bytes();
    for offset in 0..note.len() {
        for bit in 0..8 {
            let mut changed = note.clone();
            changed[offset] ^= 1 << bit;
            assert!(policy().open(&changed).is_err(), "bit {bit} of byte {offset}");
        }
    }
    for len in 0..note.len() {
        assert!(policy().open(&note[..len]).is_err(), "{len} bytes of a note");
    }
}

#[test]
fn l05_origin_and_keys_come_from_the_policy_alone() {
    let note = signer().sign(&checkpoint());
    let stranger = CheckpointSigner::new(origin(), &[0x77; 32]);
    let strangers = CheckpointPolicy { keys: vec![stranger.key().clone()], ..policy() };
    assert_eq!(strangers.open(note.as_bytes()), Err(CheckpointError::Unsigned));
    let nobody = CheckpointPolicy { keys: Vec::new(), ..policy() };
    assert_eq!(nobody.open(note.as_bytes()), Err(CheckpointError::Unsigned));

    for other in [Origin { epoch: Epoch(1), ..origin() }, Origin { ledger_id: LedgerId([0; 16]), ..origin() }]
    {
        let other_policy = CheckpointPolicy { origin: other, ..policy() };
        let expected = CheckpointError::OtherOrigin { expected: other, actual: origin().to_string() };
        assert_eq!(other_policy.open(note.as_bytes()), Err(expected));
    }

    // The stranger's signature under our key's name and id is a forgery, not an unknown signature.
    let forged = stranger.sign(&checkpoint());
    let forged_line = base64(forged.trim_end().rsplit(' ').next().expect("a signature"));
    let true_line = base64(note.trim_end().rsplit(' ').next().expect("a signature"));
    let mixed = encode_base64(&[&true_line[..4], &forged_line[4..]].concat());
    let text = note.trim_end().rsplit_once(' ').expect("a signature").0;
    let error = policy().open(format!("{text} {mixed}\n").as_bytes());
    assert_eq!(error, Err(CheckpointError::FalseSignature(origin().to_string())));

    // A witness may add his signature; we pass over it, and we need our own.
    let witnessed = format!("{note}— witness.example/w1 {}\n", encode_base64(&[9; 76]));
    assert_eq!(policy().open(witnessed.as_bytes()), Ok(checkpoint()));
}

#[test]
fn l05_texts_that_are_no_checkpoint_are_refused_although_signed() {
    let name = origin().to_string();
    let root = encode_base64(&checkpoint().root.0);
    let good = format!("{name}\n16\n{root}\n");
    assert_eq!(policy().open(&signed_by_them(&good)), Ok(checkpoint()));
    let with_line = format!("{good}an extension line\n");
    assert_eq!(policy().open(&signed_by_them(&with_line)), Ok(checkpoint()));
    for bad in [
        format!("{name}\n016\n{root}\n"),
        format!("{name}\n+16\n{root}\n"),
        format!("{name}\n-1\n{root}\n"),
        format!("{name}\n 16\n{root}\n"),
        format!("{name}\n18446744073709551616\n{root}\n"),
        format!("{name}\n\n{root}\n"),
        format!("{name}\n16\n\n"),
        format!("{name}\n16\n"),
        format!("{name}\n16\n{}\n", &root[..40]),
        format!("{name}\n16\n{}\n", root.trim_end_matches('=')),
        format!("{name}\n16\n{root}{root}\n"),
        format!("{name}\n0\n{root}\n"),
        format!("{good}\nafter an empty line\n"),
    ] {
        assert_eq!(policy().open(&signed_by_them(&bad)), Err(CheckpointError::Malformed), "{bad:?}");
    }
    let foreign = format!("other/log\n16\n{root}\n");
    assert!(matches!(policy().open(&signed_by_them(&foreign)), Err(CheckpointError::OtherOrigin { .. })));
}

#[test]
fn l05_stale_and_forked_checkpoints_are_refused() {
    let leaves: Vec<TreeHash> = (0..20_u64).map(|n| leaf_hash(&n.to_le_bytes())).collect();
    let at = |size: u64| Checkpoint {
        origin: origin(),
        size,
        root: events::merkle::proof::root(leaves.as_slice(), size).expect("small"),
    };
    for seen in 0..=20 {
        for size in 0..=20 {
            let proof = prove_consistency(leaves.as_slice(), seen, size).unwrap_or_default();
            let outcome = at(size).check_extends(&at(seen), &proof);
            if size < seen {
                assert_eq!(outcome, Err(CheckpointError::Stale { size, seen }));
                continue;
            }
            assert_eq!(outcome, Ok(()));
            if size > 0 && seen > 0 {
                let forked = Checkpoint { root: TreeHash([7; 32]), ..at(size) };
                let outcome = forked.check_extends(&at(seen), &proof);
                assert_eq!(outcome, Err(CheckpointError::Forked(ProofError::WrongRoot)));
            }
        }
    }
    let restored = Checkpoint { origin: Origin { epoch: Epoch(3), ..origin() }, ..at(20) };
    assert!(matches!(restored.check_extends(&at(10), &[]), Err(CheckpointError::OtherOrigin { .. })));
}

#[test]
fn keys_have_one_spelling() {
    let key = signer().key().to_string();
    assert_eq!(key.parse::<CheckpointKey>().as_ref(), Ok(signer().key()));
    let (name, rest) = key.split_once('+').expect("a key");
    let (id, encoded) = rest.split_once('+').expect("a key");
    // The neutral element of the curve: any message verifies under it without strict checks.
    let mut weak = vec![1, 1];
    weak.resize(33, 0);
    let weak_id = signed_note::key_id(name, &weak);
    for bad in [
        format!("{name}+{}+{encoded}", id.to_uppercase() + "A"),
        format!("{name}+00000000+{encoded}"),
        format!("x{key}"),
        format!("{key}="),
        format!("{name}+{id}"),
        format!(" {key}"),
        String::new(),
        format!("{name}+{weak_id:08x}+{}", encode_base64(&weak)),
    ] {
        assert_eq!(bad.parse::<CheckpointKey>(), Err(CheckpointError::Key), "{bad:?}");
    }
}

#[test]
fn origins_have_one_spelling() {
    let text = origin().to_string();
    assert_eq!(text.parse::<Origin>(), Ok(origin()));
    for bad in
        [text.to_uppercase(), format!("{text}0x"), text.replace("/2", "/02"), text.replace("/2", "/+2")]
    {
        assert_eq!(bad.parse::<Origin>(), Err(CheckpointError::Origin), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn hostile_notes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC*") {
        prop_assert!(policy().open(&bytes).is_err());
        prop_assert!(policy().open(text.as_bytes()).is_err());
        let framed = format!("{text}\n\n— {text}\n");
        prop_assert!(policy().open(framed.as_bytes()).is_err());
    }
}
