//! Why a transaction failed, in one line that a person understands, with the numbers that a program needs. The transaction's
//! own accounts are named where the cluster only gives an index.

use solana_message::VersionedMessage;
use solana_sdk::{instruction::InstructionError, pubkey::Pubkey};
use solana_transaction_error::TransactionError;
use std::fmt::Write;

/// Why a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxFailure {
    /// The instruction that failed, counted from 0, if it was one.
    pub instruction: Option<u8>,
    /// The program that failed: the innermost one that says so.
    pub program: Option<Pubkey>,
    /// The program's own error number, if it gave one.
    pub custom: Option<u32>,
    /// The cluster's name of the error, such as `InsufficientFundsForFee` or `InstructionError(1, Custom(1))`.
    pub kind: String,
    /// What happened, and what to do where that is known. One line.
    pub error: String,
}

impl std::fmt::Display for TxFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error)
    }
}

/// What the message of a failure is made from.
pub(crate) struct Scene<'a> {
    pub message: &'a VersionedMessage,
    pub keys: &'a [Pubkey],
    pub logs: &'a [String],
    pub fee: u64,
    /// Lamports of the fee payer before the transaction.
    pub payer_lamports: u64,
    /// A program of the message that is not there or is not executable.
    pub missing_program: Option<Pubkey>,
}

impl TxFailure {
    pub(crate) fn new(error: &TransactionError, scene: &Scene<'_>) -> Self {
        let mut failure =
            Self { instruction: None, program: None, custom: None, kind: format!("{error:?}"), error: String::new() };
        let payer = scene.keys.first().copied().unwrap_or_default();
        let key = |index: u8| scene.keys.get(usize::from(index)).copied().unwrap_or_default();
        failure.error = match error {
            TransactionError::InstructionError(index, error) => {
                failure.instruction = Some(*index);
                return failure.of_instruction(*index, error, scene);
            }
            TransactionError::AccountNotFound => {
                format!("the fee payer {payer} holds no lamports: fund it first")
            }
            TransactionError::InsufficientFundsForFee => format!(
                "the fee payer {payer} holds {} lamports, too few for the fee of {} lamports: fund it first",
                scene.payer_lamports, scene.fee
            ),
            TransactionError::InvalidAccountForFee => {
                format!("{payer} cannot pay the fee: only an account of the system program without data can")
            }
            TransactionError::ProgramAccountNotFound | TransactionError::InvalidProgramForExecution => {
                match scene.missing_program {
                    Some(program) => {
                        format!("there is no program {program} on this chain: check the address, or load the program")
                    }
                    None => error.to_string(),
                }
            }
            TransactionError::InsufficientFundsForRent { account_index } => format!(
                "{} would be left below the rent-exempt minimum: leave it more lamports, or close it",
                key(*account_index)
            ),
            TransactionError::ProgramExecutionTemporarilyRestricted { account_index } => {
                format!("the program {} may not run now", key(*account_index))
            }
            TransactionError::DuplicateInstruction(index) => {
                format!("instruction {index} may stand only once in a transaction, and stands twice")
            }
            TransactionError::MaxLoadedAccountsDataSizeExceeded => {
                "the accounts are larger than the transaction's loaded-accounts-data-size limit: raise that limit"
                    .into()
            }
            TransactionError::AddressLookupTableNotFound => "a lookup table of the transaction does not exist".into(),
            TransactionError::InvalidAddressLookupTableIndex => {
                "a lookup table has no such entry yet: new entries can be used from the next slot on".into()
            }
            TransactionError::TooManyAccountLocks => {
                format!("the transaction locks {} accounts, more than the cluster allows: split it", scene.keys.len())
            }
            TransactionError::SanitizeFailure => {
                "the message is malformed: an index points past its accounts, or its header does not fit them".into()
            }
            other => other.to_string(),
        };
        failure
    }

    fn of_instruction(mut self, index: u8, error: &InstructionError, scene: &Scene<'_>) -> Self {
        let outer = scene
            .message
            .instructions()
            .get(usize::from(index))
            .and_then(|ix| scene.keys.get(usize::from(ix.program_id_index)))
            .copied();
        // Programs that fail say so from the inside out: the first line is the innermost one.
        let inner = scene.logs.iter().find_map(|line| failed_program(line));
        self.program = inner.or(outer);
        let program = self.program.map(name).unwrap_or_default();
        let reason = match error {
            InstructionError::Custom(code) => {
                self.custom = Some(*code);
                match self.program.and_then(|program| custom(&program, *code)) {
                    Some(text) => format!("{text} (error {code})"),
                    None => format!("error {code} (0x{code:x})"),
                }
            }
            InstructionError::ProgramFailedToComplete => {
                let last = scene.logs.iter().rev();
                let abort = last.filter_map(|line| line.split_once(" failed: ")).map(|(_, why)| why).next();
                format!("the program was aborted{}", abort.map(|why| format!(": {why}")).unwrap_or_default())
            }
            InstructionError::UnsupportedProgramId => match scene.missing_program {
                Some(program) => {
                    format!("there is no program {program} on this chain: check the address, or load the program")
                }
                None => error.to_string(),
            },
            other => other.to_string(),
        };
        self.error = format!("instruction {index} ({program}): {reason}");
        if let Some(hint) = scene.logs.iter().rev().find_map(|line| said(line)) {
            // A program's own words, clipped: a log line may be long.
            let hint: String = hint.chars().filter(|c| !c.is_control()).take(160).collect();
            if !self.error.to_lowercase().contains(&hint.to_lowercase()) {
                let _ = write!(self.error, "; it says: {hint}");
            }
        }
        self
    }
}

/// The program of a line such as `Program 111… failed: custom program error: 0x1`.
fn failed_program(line: &str) -> Option<Pubkey> {
    let (program, _) = line.strip_prefix("Program ")?.split_once(" failed: ")?;
    program.parse().ok()
}

/// What a program logged about its error.
fn said(line: &str) -> Option<&str> {
    let text = line.strip_prefix("Program log: ")?;
    let error = text.strip_prefix("Error: ").or_else(|| text.strip_prefix("AnchorError "));
    error.or_else(|| text.starts_with("panicked").then_some(text))
}

/// The names of programs that everybody knows.
fn name(program: Pubkey) -> String {
    let known = match program {
        p if p == solana_system_interface::program::ID => "System program",
        crate::spec::TOKEN => "Token program",
        crate::spec::TOKEN_2022 => "Token-2022 program",
        crate::spec::ASSOCIATED_TOKEN => "Associated Token program",
        p if p == solana_address_lookup_table_interface::program::ID => "Address Lookup Table program",
        other => return format!("program {other}"),
    };
    known.into()
}

/// What the error numbers of those programs mean.
fn custom(program: &Pubkey, code: u32) -> Option<String> {
    if *program == solana_system_interface::program::ID {
        let text = match code {
            0 => "the account is there already",
            1 => "the account does not hold enough lamports",
            2 => "an account cannot be assigned to that program",
            3 => "an account cannot have data of that length",
            4 => "the seed is too long",
            5 => "the address does not come from that seed",
            6 => "there are no recent blockhashes to advance the nonce with",
            7 => "the nonce was advanced in this slot already",
            8 => "the stored nonce is another one",
            _ => return None,
        };
        return Some(text.into());
    }
    if *program == crate::spec::TOKEN || *program == crate::spec::TOKEN_2022 {
        let error = spl_token_2022_interface::error::TokenError::try_from(code).ok()?;
        return Some(error.to_string());
    }
    if *program == crate::spec::ASSOCIATED_TOKEN && code == 0 {
        return Some("the token account belongs to somebody else".into());
    }
    None
}
