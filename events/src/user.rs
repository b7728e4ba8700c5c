//! Facts about users. Names and password hashes are sealed under the user's own data key, so that destroying that key
//! erases them from every copy of the log.

use serde::{Deserialize, Serialize};

use crate::{
    id::{PermissionId, RoleId, TenantId},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    time::Timestamp,
};

/// HDP's `statusInfo.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum UserStatus {
    /// 0: may not log in.
    Inactive,
    /// 1
    Active,
}

impl From<UserStatus> for u8 {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Inactive => 0,
            UserStatus::Active => 1,
        }
    }
}

impl TryFrom<u8> for UserStatus {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::Inactive),
            1 => Ok(Self::Active),
            _ => Err("a user's status is 0 or 1"),
        }
    }
}

/// HDP's `passwordInfo.passwordStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum PasswordStatus {
    /// 1
    Active,
    /// 2: temporary, to be changed before anything else.
    MustChange,
}

impl From<PasswordStatus> for u8 {
    fn from(status: PasswordStatus) -> Self {
        match status {
            PasswordStatus::Active => 1,
            PasswordStatus::MustChange => 2,
        }
    }
}

impl TryFrom<u8> for PasswordStatus {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Active),
            2 => Ok(Self::MustChange),
            _ => Err("a password's status is 1 or 2"),
        }
    }
}

/// A password as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// The Argon2id hash as a PHC string, sealed.
    pub hash: Sealed,
    /// Whether it must be changed first.
    pub status: PasswordStatus,
    /// When it stops being accepted.
    pub expires_at: Option<Timestamp>,
}

/// A user came to be in the header's tenant; his id is the stream's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCreated {
    /// As sent; the login index holds its normalised form's keyed hash, outside the log.
    pub name: Sealed,
    /// Whether he may log in.
    pub status: UserStatus,
    /// `None` when he can't log in by password.
    pub password: Option<Password>,
    /// Roles of his own tenant.
    pub roles: SortedVec<RoleId>,
    /// Permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
}

/// Too many wrong passwords in a row; one event per account and period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLocked {
    /// When the lock ends by itself.
    pub until: Timestamp,
}

/// A lock ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserUnlocked {}

/// A user was replaced by a PUT. What else of him changed is told by events of their own in the same command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserUpdated {
    /// As in [`UserCreated`], under the same key; it may be another name.
    pub name: Sealed,
}

/// Whether a user may log in changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStatusSet {
    /// From now on.
    pub status: UserStatus,
}

/// Who set a password: what hangs on it ends differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum PasswordSetter {
    /// 1: the user himself, who knew the one before.
    Holder,
    /// 2: somebody else.
    Other,
}

impl From<PasswordSetter> for u8 {
    fn from(setter: PasswordSetter) -> Self {
        match setter {
            PasswordSetter::Holder => 1,
            PasswordSetter::Other => 2,
        }
    }
}

impl TryFrom<u8> for PasswordSetter {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Holder),
            2 => Ok(Self::Other),
            _ => Err("who set a password is 1 or 2"),
        }
    }
}

/// A password, or what is said about it, changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPasswordSet {
    /// The new one's hash; `None` keeps the one before.
    pub hash: Option<Sealed>,
    /// Whether it must be changed first.
    pub status: PasswordStatus,
    /// When it stops being accepted.
    pub expires_at: Option<Timestamp>,
    /// Who set it.
    pub setter: PasswordSetter,
    /// Whether every token of the user ended. Those that were given for his password end in any case.
    pub ends_all_tokens: bool,
}

/// What a user may do changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRolesSet {
    /// All of them, roles of his own tenant.
    pub roles: SortedVec<RoleId>,
    /// All permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
}

/// A user lives in another tenant from now on, which is the header's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMoved {
    /// Where he lived.
    pub from: TenantId,
}

/// A user was deleted and what the log knows of his name and addresses became unreadable: his key and his entry of the
/// login index leave the key store in the same batch. His stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeleted {
    /// The key that was destroyed.
    pub key_id: KeyId,
}
