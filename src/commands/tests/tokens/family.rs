//! A family under anything that may happen to it, with real tokens and keys, against the table of TOKENS section 2.

use std::{collections::BTreeMap, sync::Arc};

use events::{event::Event, id::LedgerId, time::Timestamp};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::{
    clock::SeededRandom,
    commands::{
        View,
        token::revoke::{RevokeToken, RevokedToken},
    },
    ledger::store::{KeyChange, KeyStore, StoreError},
    oauth::{
        derive::{first, is_genuine, successors},
        token::{RefreshSecret, RefreshToken},
    },
    vault::{NewVault, Vault, keys_file::KeysFile, master::MasterKey},
};

const IDLE_SECS: u32 = 100_000;
const RETRY_SECS: u32 = 60;

/// A key store that takes changes at once.
#[derive(Default)]
struct Entries(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Entries {
    fn take(&self, changes: &[KeyChange]) {
        let mut entries = self.0.lock();
        for change in changes {
            match change {
                KeyChange::Put { key, value } => entries.insert(key.clone(), value.clone()),
                KeyChange::Delete { key } => entries.remove(key),
            };
        }
    }
}

impl KeyStore for Entries {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.0
            .lock()
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .for_each(|(key, value)| visit(key, value));
        Ok(())
    }
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// The texts of a refresh and an access token.
    Tokens(String, String),
    /// A protocol error.
    Refused(OAuthRefusal),
}

const NO: Answer = Answer::Refused(OAuthRefusal::InvalidGrant);

/// The server, as far as a family is concerned.
struct House {
    master: MasterKey,
    keys_file: KeysFile,
    entries: Arc<Entries>,
    vault: Vault,
    world: World,
    secret: Option<TokenHash>,
}

impl House {
    fn new(policy: ClientPolicy) -> (Self, RefreshToken) {
        let random = Arc::new(SeededRandom::new(1));
        let master = MasterKey::generate(&*random);
        let entries = Arc::new(Entries::default());
        let made = Vault::create(&master, LedgerId([1; 16]), entries.clone(), random.clone());
        let NewVault { vault, keys_file, changes } = made.expect("made");
        entries.take(&changes);
        let token = first(&vault, FAMILY, RefreshSecret::draw(&*random));
        let mut world = World::with_client(policy);
        let both = set(&[Scope::OData, Scope::Mgmt], &[ODATA, ISSUER]);
        world.consent(&both);
        world.code(CODE, &both, |_| {});
        world.gets(world.redeem_with(|wish| wish.refresh = token.hash()));
        let secret = world.proof().secret;
        (Self { master, keys_file, entries, vault, world, secret }, token)
    }

    fn carry_out(&mut self, wish: Wish) -> Result<Vec<Event>, OAuthRefusal> {
        let decision = match self.world.asks(wish) {
            Ok(decision) => decision,
            Err(Refusal::OAuth(refusal)) => return Err(refusal),
            Err(other) => panic!("{other:?}"),
        };
        if !decision.facts.is_empty() {
            self.world.take(&decision);
            let changes = self.vault.roll(self.world.now);
            self.entries.take(&changes);
            self.vault.rolled(self.world.now, &changes);
        }
        Ok(decision.facts.into_iter().map(|fact| fact.event).collect())
    }

    /// As the edge does it: judge the tag, derive, ask, and derive once more when told to.
    fn refresh(&mut self, token: &RefreshToken, asked: &Asked) -> Answer {
        if !is_genuine(&self.vault, token) {
            return NO;
        }
        let good_for =
            asked.narrowed(&set(&[Scope::OData, Scope::Mgmt], &[ODATA, ISSUER]), &self.world.terms().scopes);
        let good_for = good_for.unwrap_or_else(|_| set(&[], &[]));
        let mut epoch = self.vault.token_epoch(self.world.now);
        loop {
            let made = successors(&self.vault, epoch, CLIENT, token, &good_for.scopes, &good_for.audience);
            let derived = made.as_ref().map(|made| DerivedTokens {
                epoch,
                refresh: made.refresh.hash(),
                access: made.access.hash(),
            });
            let secret = self.secret;
            let wish = self.world.refresh_with(token.generation, token.hash(), |wish| {
                wish.proof.secret = secret;
                wish.asked = asked.clone();
                wish.derived = derived;
            });
            match self.carry_out(wish) {
                Err(OAuthRefusal::DeriveWith(other)) => epoch = other,
                Err(refusal) => return Answer::Refused(refusal),
                Ok(events)
                    if events.iter().any(|event| matches!(event, Event::RefreshTokenReuseDetected(_))) =>
                {
                    return NO;
                }
                Ok(_) => {
                    let made = made.expect("granted with what was derived");
                    let text = |secret: crate::vault::PlainSecret| secret.expose().to_owned();
                    return Answer::Tokens(text(made.refresh.text()), text(made.access.text()));
                }
            }
        }
    }

    /// What was recorded after so many events.
    fn news(&self, recorded: usize) -> Vec<Event> {
        let new = self.world.log[recorded..].iter().map(|envelope| envelope.event.clone());
        new.filter(|event| !matches!(event, Event::ScopeSetDefined(_))).collect()
    }

    /// Forgets everything but what is durable.
    fn restart(&mut self) {
        let random = Arc::new(SeededRandom::new(self.world.sequence + 2));
        self.vault =
            Vault::open(&self.master, &self.keys_file, self.entries.clone(), random).expect("opens again");
        let mut view = View::default();
        for envelope in &self.world.log {
            view.state.apply(envelope);
        }
        assert_eq!(view.state.digest(), self.world.view.state.digest());
        self.world.view = view;
    }
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// A token that was given out is presented, this many generations before the last.
    Present(usize),
    /// The same, asking for less than the last answer was for.
    PresentForLess(usize),
    /// A genuine token of another history: the last, or one that there has not been.
    FromElsewhere(bool),
    /// A token that somebody changed.
    Forged,
    /// A token of the family is revoked, this many generations before the last.
    Revoke(usize),
    /// The code comes again.
    Replay,
    /// The client gets another secret.
    Reset,
    /// Seconds.
    Pass(i64),
    /// The server starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => prop_oneof![6 => Just(0_usize), 4 => Just(1), 1 => 2..5_usize].prop_map(Step::Present),
        2 => (0..3_usize).prop_map(Step::PresentForLess),
        1 => any::<bool>().prop_map(Step::FromElsewhere),
        1 => Just(Step::Forged),
        1 => (0..4_usize).prop_map(Step::Revoke),
        1 => Just(Step::Replay),
        1 => Just(Step::Reset),
        6 => prop_oneof![6 => 1..90_i64, 2 => 3_000..50_000_i64, 1 => Just(100_001_i64)].prop_map(Step::Pass),
        4 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

/// The table itself, over all that was ever given out: what the server does without.
struct Table {
    /// Each generation with the answer that gave it out; none for the first.
    given: Vec<(RefreshToken, Option<Answer>)>,
    rotated_at: Timestamp,
    used_at: Timestamp,
    ended: bool,
}

/// What the table says will come of a token.
#[derive(Debug, PartialEq, Eq)]
enum Row {
    Rotates,
    Again(Answer),
    Reuse,
    Refused(OAuthRefusal),
}

impl Table {
    fn back(&self, generations: usize) -> usize {
        (self.given.len() - 1).saturating_sub(generations)
    }

    fn row(&self, place: usize, for_less: bool, now: Timestamp) -> Row {
        let current = self.given.len() - 1;
        let idle = now >= self.used_at.saturating_add_secs(i64::from(IDLE_SECS));
        if self.ended || idle {
            return Row::Refused(OAuthRefusal::InvalidGrant);
        }
        if place == current {
            return Row::Rotates;
        }
        let in_time = now < self.rotated_at.saturating_add_secs(i64::from(RETRY_SECS));
        match &self.given[current].1 {
            Some(answer) if place + 1 == current && in_time => {
                if for_less {
                    Row::Refused(OAuthRefusal::InvalidScope)
                } else {
                    Row::Again(answer.clone())
                }
            }
            _ => Row::Reuse,
        }
    }
}

/// A token of the family that was given out is presented.
fn present(house: &mut House, table: &mut Table, place: usize, for_less: bool) {
    let (recorded, now) = (house.world.log.len(), house.world.now);
    // What the last answer was for decides what less is, so only retries ask for it.
    let for_less = for_less && place + 1 == table.given.len() - 1;
    let asked = if for_less { asked_for(&[Scope::Mgmt]) } else { asked() };
    let row = table.row(place, for_less, now);
    let answer = house.refresh(&table.given[place].0.clone(), &asked);
    let events = house.news(recorded);
    match row {
        Row::Rotates => {
            let Answer::Tokens(refresh, access) = &answer else { panic!("{answer:?}") };
            assert!(matches!(events[..], [Event::RefreshTokenRotated(_)]), "{events:?}");
            assert!(access.starts_with("alat_"));
            let token = RefreshToken::parse(refresh).expect("one of ours");
            assert_eq!(usize::try_from(token.generation), Ok(table.given.len()));
            table.given.push((token, Some(answer)));
            (table.rotated_at, table.used_at) = (now, now);
        }
        Row::Again(before) => {
            assert_eq!(answer, before);
            assert_eq!(events, []);
        }
        Row::Reuse => {
            assert_eq!(answer, NO);
            assert!(matches!(events[..], [Event::RefreshTokenReuseDetected(_)]), "{events:?}");
            table.ended = true;
        }
        Row::Refused(refusal) => {
            assert_eq!((answer, events), (Answer::Refused(refusal), vec![]));
        }
    }
}

fn run(policy: ClientPolicy, steps: &[Step]) {
    let confidential = policy.client_type == ClientType::Confidential;
    let (mut house, token) = House::new(policy);
    let began = house.world.now;
    let mut table = Table { given: vec![(token, None)], rotated_at: began, used_at: began, ended: false };
    for step in steps {
        let recorded = house.world.log.len();
        let news = |house: &House| house.news(recorded);
        let now = house.world.now;
        match *step {
            Step::Present(back) | Step::PresentForLess(back) => {
                let for_less = matches!(step, Step::PresentForLess(_));
                let place = table.back(back);
                present(&mut house, &mut table, place, for_less);
            }
            Step::FromElsewhere(last) => {
                let number = u32::try_from(table.given.len()).expect("few") - u32::from(last);
                let other = RefreshSecret::draw(&SeededRandom::new(house.world.sequence));
                let mut token = first(&house.vault, FAMILY, other);
                for _ in 0..number {
                    let epoch = TokenEpoch(epoch_of(now).0 + 1);
                    token = successors(&house.vault, epoch, CLIENT, &token, &[], &[]).expect("drawn").refresh;
                }
                assert_eq!(house.refresh(&token, &asked()), NO);
                assert_eq!(news(&house), []);
            }
            Step::Forged => {
                let mut token = table.given[table.back(0)].0.clone();
                token.generation = 0;
                token.tag[0] ^= 1;
                assert_eq!(house.refresh(&token, &asked()), NO);
                assert_eq!(news(&house), []);
            }
            Step::Revoke(back) => {
                let token = &table.given[table.back(back)].0;
                let proof = ClientProof { client: CLIENT, secret: house.secret };
                let token = RevokedToken::Refresh {
                    family: FAMILY,
                    generation: token.generation,
                    presented: token.hash(),
                };
                // What is over by time is over.
                let family = house.world.view.state.tokens.families.get(&FAMILY);
                let ends = family.is_some_and(|row| row.ends_at().is_none_or(|end| now < end));
                house.carry_out(Wish::RevokeToken(RevokeToken { proof, token })).expect("granted");
                assert_eq!(news(&house).len(), usize::from(ends));
                assert!(!ends || !table.ended);
                table.ended |= ends;
            }
            Step::Replay => {
                let secret = house.secret;
                let wish = house.world.redeem_with(|wish| {
                    wish.proof.secret = secret;
                    wish.family = FamilyId(1);
                });
                // As long as the code is known, and once.
                match house.carry_out(wish) {
                    Ok(events) => {
                        assert!(
                            matches!(events[..], [Event::AuthorizationCodeReplayDetected(_)]),
                            "{events:?}"
                        );
                        table.ended = true;
                    }
                    Err(refusal) => assert_eq!(refusal, OAuthRefusal::InvalidGrant),
                }
            }
            Step::Reset if confidential => {
                house.world.reset();
                house.secret = Some(hash(SECRET + 99));
                table.ended = true;
            }
            Step::Reset => {}
            Step::Pass(secs) => house.world.pass(secs),
            Step::Restart => house.restart(),
        }
        let alive = house.world.view.state.tokens.families.all().count();
        assert!(alive <= 1, "a family never forks");
        assert!(!table.ended || alive == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_family_is_as_the_table_says_whatever_happens(steps in steps(), is_public: bool) {
        let policy = ClientPolicy {
            scopes: scopes(&[Scope::OData, Scope::Mgmt]),
            refresh_token_idle_secs: Some(IDLE_SECS),
            refresh_retry_secs: RETRY_SECS,
            ..if is_public { public() } else { rotating() }
        };
        run(policy, &steps);
    }
}

#[test]
fn a_family_needs_the_same_memory_after_ten_and_after_ten_thousand_rotations() {
    let (mut house, mut token) =
        House::new(ClientPolicy { scopes: scopes(&[Scope::OData, Scope::Mgmt]), ..rotating() });
    let mut sizes = Vec::new();
    for rotation in 1..=10_000 {
        house.world.pass(3_600);
        let Answer::Tokens(refresh, _) = house.refresh(&token, &asked()) else { panic!("refused") };
        token = RefreshToken::parse(&refresh).expect("one of ours");
        // Nothing here is folded again.
        house.world.log.clear();
        if rotation == 10 || rotation == 10_000 {
            let mut rows = Vec::new();
            house.world.view.state.write(&mut rows).expect("written to memory");
            sizes.push(rows.len());
            // Three of a ledger's own, and keys of the last days.
            assert!(house.entries.0.lock().len() <= 8);
        }
    }
    assert_eq!(sizes[0], sizes[1]);
}
