//! Who is logged in in which browser. Memory with a bound, and no events: the next thing that a user does says when and how he
//! logged in (TOKENS section 4).
//!
//! A browser holds 256 random bits, memory only their keyed hash. Before the login they mean nobody, but a form can be bound to
//! them, so that a login form needs no memory for strangers.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::id::{Sequence, UserId};
use events::time::Timestamp;
use lru::LruCache;
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::clock::{Monotonic, Random, draw};

/// A session ends when it was not used for so long.
pub const IDLE: Duration = Duration::from_mins(30);
/// It ends so long after the login, used or not.
pub const ABSOLUTE: Duration = Duration::from_hours(8);

/// How many sessions are kept; those that were used longest ago go first.
const SESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");
/// How many of one user, so that nobody drives the others' out by logging in again and again.
const OF_ONE_USER_MAX: usize = 32;

const SESSION: &[u8] = b"session";
const FORM: &[u8] = b"form";

/// What a browser sends back. It is a session's once somebody logged in under it.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserId(Zeroizing<[u8; 32]>);

impl BrowserId {
    /// A new one.
    pub fn draw(random: &dyn Random) -> Self {
        Self(Zeroizing::new(draw(random)))
    }

    /// As a cookie holds it; `None` when it can be none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice()).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// For the cookie.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*self.0))
    }
}

impl std::fmt::Debug for BrowserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserId(..)")
    }
}

/// A login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Whose.
    pub user: UserId,
    /// The last event before his password was judged. What ends his logins ends this one when it was recorded after that.
    pub seen: Sequence,
    /// When.
    pub at: Timestamp,
}

struct Session {
    login: Login,
    begun: Monotonic,
    last_used: Monotonic,
    /// Nothing was asked for since the login.
    is_fresh: bool,
}

impl Session {
    fn is_over(&self, now: Monotonic) -> bool {
        now.since(self.last_used) >= IDLE || now.since(self.begun) >= ABSOLUTE
    }
}

/// The keyed hash of a browser's id.
type Tag = [u8; 32];

#[derive(Default)]
struct OfUsers(HashMap<UserId, VecDeque<Tag>>);

impl OfUsers {
    fn forget(&mut self, user: UserId, tag: &Tag) {
        if let Some(tags) = self.0.get_mut(&user) {
            tags.retain(|other| other != tag);
            if tags.is_empty() {
                self.0.remove(&user);
            }
        }
    }
}

struct Kept {
    sessions: LruCache<Tag, Session>,
    of_users: OfUsers,
}

impl Kept {
    fn end(&mut self, tag: &Tag) {
        if let Some(session) = self.sessions.pop(tag) {
            self.of_users.forget(session.login.user, tag);
        }
    }
}

/// All sessions of this server.
pub struct Sessions {
    /// Drawn at the start: with the sessions, all forms end with the process.
    key: Zeroizing<[u8; 32]>,
    kept: Mutex<Kept>,
}

impl Sessions {
    /// None yet.
    pub fn new(random: &dyn Random) -> Self {
        let kept = Kept { sessions: LruCache::new(SESSIONS_MAX), of_users: OfUsers::default() };
        Self { key: Zeroizing::new(draw(random)), kept: Mutex::new(kept) }
    }

    /// Begins a session. The id must be new: one that was there before the login may be known to somebody else.
    pub fn begin(&self, id: &BrowserId, login: Login, now: Monotonic) {
        let tag = self.tag(id);
        let mut kept = self.kept.lock();
        let own = kept.of_users.0.entry(login.user).or_default();
        own.push_back(tag);
        let oldest = if own.len() > OF_ONE_USER_MAX { own.front().copied() } else { None };
        if let Some(oldest) = oldest {
            kept.end(&oldest);
        }
        let session = Session { login, begun: now, last_used: now, is_fresh: true };
        if let Some((tag, driven_out)) = kept.sessions.push(tag, session) {
            kept.of_users.forget(driven_out.login.user, &tag);
        }
    }

    /// The login of this browser, unless it is over. Counts as a use.
    pub fn find(&self, id: &BrowserId, now: Monotonic) -> Option<Login> {
        let tag = self.tag(id);
        let mut kept = self.kept.lock();
        let session = kept.sessions.get_mut(&tag)?;
        if session.is_over(now) {
            kept.end(&tag);
            return None;
        }
        session.last_used = now;
        Some(session.login)
    }

    /// Whether this is the first thing asked for since the login; only once it is.
    pub fn is_fresh(&self, id: &BrowserId) -> bool {
        let tag = self.tag(id);
        let mut kept = self.kept.lock();
        kept.sessions.get_mut(&tag).is_some_and(|session| std::mem::take(&mut session.is_fresh))
    }

    /// Ends a session; there may be none.
    pub fn end(&self, id: &BrowserId) {
        let tag = self.tag(id);
        self.kept.lock().end(&tag);
    }

    /// What a form carries that is shown to this browser: nobody else can make it send the form. `about` is all that the form
    /// says beside it, so that it is good for no other.
    pub fn form_token(&self, id: &BrowserId, about: &[&str]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.keyed(FORM, id, about))
    }

    /// Whether a form came from here.
    pub fn is_form_token(&self, id: &BrowserId, about: &[&str], sent: &str) -> bool {
        bool::from(self.form_token(id, about).as_bytes().ct_eq(sent.as_bytes()))
    }

    fn tag(&self, id: &BrowserId) -> Tag {
        self.keyed(SESSION, id, &[])
    }

    fn keyed(&self, purpose: &[u8], id: &BrowserId, about: &[&str]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [purpose, &*id.0].into_iter().chain(about.iter().map(|text| text.as_bytes())) {
            // Lengths first: two lists that read the same in a row are not the same list.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededRandom;

    const NOON: Timestamp = Timestamp(1_795_176_000_000_000);

    fn mono(secs: u64) -> Monotonic {
        Monotonic(Duration::from_secs(secs))
    }

    fn login(user: u64) -> Login {
        Login { user: UserId(user), seen: Sequence(7), at: NOON }
    }

    fn sessions() -> (Sessions, SeededRandom) {
        let random = SeededRandom::new(1);
        (Sessions::new(&random), random)
    }

    #[test]
    fn l13_a_session_ends_after_half_an_hour_unused_and_after_eight_hours_in_any_case() {
        let (sessions, random) = sessions();
        let (used, unused) = (BrowserId::draw(&random), BrowserId::draw(&random));
        sessions.begin(&used, login(1), mono(0));
        sessions.begin(&unused, login(2), mono(0));
        for minutes in (29..480).step_by(29) {
            assert_eq!(sessions.find(&used, mono(minutes * 60)), Some(login(1)), "{minutes}");
        }
        assert_eq!(sessions.find(&used, mono(8 * 3_600 - 1)), Some(login(1)));
        assert_eq!(sessions.find(&used, mono(8 * 3_600)), None);
        assert_eq!(sessions.find(&used, mono(0)), None, "what ended has ended");
        assert_eq!(sessions.find(&unused, mono(1_800)), None);
    }

    #[test]
    fn l13_an_id_is_nobodys_before_the_login_and_after_the_logout() {
        let (sessions, random) = sessions();
        let (before, after) = (BrowserId::draw(&random), BrowserId::draw(&random));
        assert_eq!(sessions.find(&before, mono(0)), None);
        sessions.begin(&after, login(1), mono(0));
        assert_eq!(sessions.find(&before, mono(0)), None);
        sessions.end(&after);
        sessions.end(&before);
        assert_eq!(sessions.find(&after, mono(0)), None);
    }

    #[test]
    fn an_id_is_read_from_a_cookie_as_it_was_written() {
        let id = BrowserId::draw(&SeededRandom::new(2));
        assert_eq!((id.text().len(), BrowserId::parse(&id.text())), (43, Some(id.clone())));
        for bad in ["", "x", &format!("{}A", *id.text()), &id.text()[1..], "=".repeat(43).as_str()] {
            assert_eq!(BrowserId::parse(bad), None, "{bad}");
        }
        assert_eq!(format!("{id:?}"), "BrowserId(..)");
    }

    #[test]
    fn s09_a_form_is_good_for_one_browser_and_one_purpose() {
        let (sessions, random) = sessions();
        let (one, other) = (BrowserId::draw(&random), BrowserId::draw(&random));
        let token = sessions.form_token(&one, &["consent", "client_id=a"]);
        assert!(sessions.is_form_token(&one, &["consent", "client_id=a"], &token));
        for about in [
            &["consent", "client_id=b"][..],
            &["login", "client_id=a"],
            &["consentclient_id=a"],
            &["consent"],
        ] {
            assert!(!sessions.is_form_token(&one, about, &token), "{about:?}");
        }
        assert!(!sessions.is_form_token(&other, &["consent", "client_id=a"], &token));
        assert!(!sessions.is_form_token(&one, &["consent", "client_id=a"], ""));
        let restarted = Sessions::new(&random);
        assert!(!restarted.is_form_token(&one, &["consent", "client_id=a"], &token));
    }

    #[test]
    fn the_first_thing_after_a_login_is_known_once() {
        let (sessions, random) = sessions();
        let id = BrowserId::draw(&random);
        assert!(!sessions.is_fresh(&id));
        sessions.begin(&id, login(1), mono(0));
        assert_eq!((sessions.is_fresh(&id), sessions.is_fresh(&id)), (true, false));
    }

    #[test]
    fn l11_memory_is_bounded_and_nobody_drives_others_out() {
        let (sessions, random) = sessions();
        let patient = BrowserId::draw(&random);
        sessions.begin(&patient, login(1), mono(0));
        let first = BrowserId::draw(&random);
        sessions.begin(&first, login(2), mono(0));
        for _ in 0..100_000 {
            sessions.begin(&BrowserId::draw(&random), login(2), mono(1));
        }
        assert_eq!(sessions.find(&patient, mono(2)), Some(login(1)));
        assert_eq!(sessions.find(&first, mono(2)), None, "his own oldest went");
        assert_eq!(sessions.kept.lock().sessions.len(), 1 + OF_ONE_USER_MAX);
        for user in 3..70_000 {
            sessions.begin(&BrowserId::draw(&random), login(user), mono(3));
        }
        let kept = sessions.kept.lock();
        assert_eq!(kept.sessions.len(), SESSIONS_MAX.get());
        let tags: usize = kept.of_users.0.values().map(VecDeque::len).sum();
        assert_eq!(tags, SESSIONS_MAX.get(), "what was driven out is forgotten everywhere");
    }
}
