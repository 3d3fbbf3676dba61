//! Account files: the JSON that `solana account ADDRESS --output json` writes and `solana-test-validator --account` reads.

use crate::SpecError;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use solana_account::Account;
use solana_sdk::pubkey::Pubkey;
use std::path::Path;

/// The largest account that a cluster allows, in bytes.
const MAX_DATA: usize = 10 * 1024 * 1024;

// Unknown fields are allowed: tools of the ecosystem add their own.
#[derive(Deserialize)]
struct File {
    pubkey: Option<String>,
    account: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    lamports: u64,
    data: Payload,
    owner: String,
    executable: bool,
    #[serde(default = "exempt")]
    rent_epoch: u64,
    space: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Payload {
    Encoded(String, String),
    Base58(String),
    // jsonParsed and the like.
    Other(serde::de::IgnoredAny),
}

fn exempt() -> u64 {
    u64::MAX
}

/// Reads an account file. `address` must be given where the file names none, and must agree where it does.
pub(crate) fn read(path: &Path, address: Option<Pubkey>) -> Result<(Pubkey, Account), SpecError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SpecError::new(path, format!("cannot read the account file: {error}")))?;
    parse(&text, address).map_err(|(line, what)| SpecError { place: path.into(), line, what })
}

type Bad = (Option<usize>, String);

fn parse(text: &str, address: Option<Pubkey>) -> Result<(Pubkey, Account), Bad> {
    const HOW: &str = "write it with `solana account ADDRESS --output json --output-file FILE`";
    let file: File = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        let what = format!("not a Solana account file: {what}; {HOW}");
        (Some(error.line()), what)
    })?;
    let bad = |what: String| (None, what);
    let named = match &file.pubkey {
        Some(key) => Some(
            key.parse::<Pubkey>()
                .map_err(|_| bad(format!("`pubkey` is no address: `{key}`; it must be 32 bytes in base58")))?,
        ),
        None => None,
    };
    let key = match (named, address) {
        (Some(named), Some(address)) if named != address => {
            return Err(bad(format!(
                "the file is of account {named}, but {address} was asked for: take the right file, or leave the address out"
            )));
        }
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) => {
            return Err(bad("the file names no `pubkey`: say which address it is for".into()));
        }
    };
    let body = file.account;
    let owner = body
        .owner
        .parse()
        .map_err(|_| bad(format!("`owner` is no address: `{}`; it must be 32 bytes in base58", body.owner)))?;
    let data = match &body.data {
        Payload::Encoded(text, encoding) => decode(text, encoding).map_err(bad)?,
        Payload::Base58(text) => decode(text, "base58").map_err(bad)?,
        Payload::Other(_) => {
            return Err(bad(format!("`data` must be [\"…\", \"base64\"]; {HOW}")));
        }
    };
    if data.len() > MAX_DATA {
        return Err(bad(format!("`data` is {} bytes, over the limit of {MAX_DATA}", data.len())));
    }
    if let Some(space) = body.space
        && u64::try_from(data.len()).is_ok_and(|len| len != space)
    {
        return Err(bad(format!(
            "`data` is {} bytes, but `space` says {space}: the file is cut off or was edited",
            data.len()
        )));
    }
    if body.lamports == 0 {
        return Err(bad("`lamports` is 0, which is no account: give it a balance".into()));
    }
    let account =
        Account { lamports: body.lamports, data, owner, executable: body.executable, rent_epoch: body.rent_epoch };
    Ok((key, account))
}

fn decode(text: &str, encoding: &str) -> Result<Vec<u8>, String> {
    match encoding {
        "base64" => BASE64_STANDARD
            .decode(text)
            .map_err(|error| format!("`data` is not valid base64 ({error}): save the file again")),
        "base58" => bs58::decode(text)
            .into_vec()
            .map_err(|error| format!("`data` is not valid base58 ({error}): save the file again")),
        other => Err(format!("`data` is encoded as {other}, which is not read here: save the file with base64")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWNER: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";

    fn file(pubkey: &str, data: &str) -> String {
        format!(
            r#"{{"pubkey":"{pubkey}","account":{{"lamports":5,"data":{data},"owner":"{OWNER}","executable":false,"rentEpoch":18446744073709551615,"space":3}}}}"#
        )
    }

    fn complaint(text: &str, address: Option<Pubkey>) -> String {
        parse(text, address).err().map(|(_, what)| what).unwrap_or_default()
    }

    #[test]
    fn the_format_of_the_solana_cli_is_read_exactly() {
        let (key, account) = parse(&file(OWNER, r#"["AQID","base64"]"#), None).unwrap();
        assert_eq!(key.to_string(), OWNER);
        assert_eq!((account.lamports, account.data), (5, vec![1, 2, 3]));
        assert_eq!(account.rent_epoch, u64::MAX);
        let (_, account) = parse(&file(OWNER, r#"["Ldp","base58"]"#), None).unwrap();
        assert_eq!(account.data, [1, 2, 3]);
    }

    #[test]
    fn what_is_wrong_with_an_account_file_is_said_in_one_line() {
        let good = file(OWNER, r#"["AQID","base64"]"#);
        let cases = [
            (good.replace('}', ""), "not a Solana account file: EOF"),
            ("[]".into(), "not a Solana account file"),
            (file(OWNER, r#"["AQ!D","base64"]"#), "not valid base64"),
            (file(OWNER, r#"["AQ==","base64"]"#), "cut off"),
            (file(OWNER, r#"["AQID","base64+zstd"]"#), "save the file with base64"),
            (file(OWNER, r#"{"parsed":{}}"#), "`data` must be"),
            (file("xyz", r#"["AQID","base64"]"#), "`pubkey` is no address"),
            (good.replace(&format!(r#""owner":"{OWNER}""#), r#""owner":"0""#), "`owner` is no address"),
            (good.replace(r#""lamports":5"#, r#""lamports":0"#), "no account"),
        ];
        for (text, wanted) in cases {
            let what = complaint(&text, None);
            assert!(what.contains(wanted) && !what.contains('\n'), "{wanted}: {what}");
        }
        let other = Pubkey::from([7; 32]);
        assert!(complaint(&good, Some(other)).contains("asked for"));
        let nameless = good.replace(&format!(r#""pubkey":"{OWNER}","#), "");
        assert!(complaint(&nameless, None).contains("no `pubkey`"));
        assert_eq!(parse(&nameless, Some(other)).map(|(key, _)| key), Ok(other));
    }

    #[test]
    fn a_broken_account_file_is_named_in_the_error_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("owner.json");
        std::fs::write(&path, "{\n  \"pubkey\": oops\n}").unwrap();
        let error = read(&path, None).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("owner.json:2: not a Solana account file"), "{error}");
        let error = read(&dir.path().join("none.json"), None).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("none.json: cannot read"), "{error}");
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(text in ".{0,200}", data in "\\PC{0,60}") {
            let _ = parse(&text, None);
            let _ = parse(&file(OWNER, &data), None);
        }
    }
}
