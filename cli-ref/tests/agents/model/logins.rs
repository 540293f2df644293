//! Who is logged in: one account, whose refresh token is good once, as the vendor's are.

use serde_json::{Value, json};

/// The account of a test.
#[derive(Debug)]
pub(crate) struct Logins {
    /// How often a login was renewed.
    renewed: u32,
    /// The refresh tokens that came too late: another session had used them.
    refused: Vec<String>,
}

impl Logins {
    pub(super) fn new() -> Self {
        Self { renewed: 0, refused: Vec::new() }
    }

    /// The refresh token that is good now.
    pub(crate) fn refresh_token(&self) -> String {
        format!("sk-ant-ort01-test-{}", self.renewed)
    }

    /// The access token that goes with it.
    pub(crate) fn access_token(&self) -> String {
        format!("sk-ant-oat01-test-{}", self.renewed)
    }

    /// How often a login was renewed.
    pub(crate) fn renewed(&self) -> u32 {
        self.renewed
    }

    /// The refresh tokens that were used twice.
    pub(crate) fn refused(&self) -> &[String] {
        &self.refused
    }

    /// Answers `POST …/oauth/token`: the status and the document.
    pub(super) fn renew(&mut self, asked: &Value) -> (u16, Value) {
        let token = asked["refresh_token"].as_str().unwrap_or_default();
        if token != self.refresh_token() {
            self.refused.push(token.to_owned());
            return (400, json!({"error": "invalid_grant", "error_description": "used already"}));
        }
        self.renewed += 1;
        let answer = json!({
            "token_type": "Bearer", "access_token": self.access_token(),
            "refresh_token": self.refresh_token(), "expires_in": 28_800,
            "scope": "user:inference user:profile",
            "account": {"uuid": "00000000-0000-4000-8000-000000000001", "email_address": "tester@example.invalid"},
            "organization": {"uuid": "00000000-0000-4000-8000-000000000002", "name": "test"},
        });
        (200, answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_is_good_once() {
        let mut logins = Logins::new();
        let asked = json!({"grant_type": "refresh_token", "refresh_token": logins.refresh_token()});
        let (status, answer) = logins.renew(&asked);
        assert_eq!((status, answer["access_token"].as_str()), (200, Some("sk-ant-oat01-test-1")));
        assert_eq!(logins.renew(&asked).0, 400);
        assert_eq!((logins.renewed(), logins.refused().len()), (1, 1));
    }
}
