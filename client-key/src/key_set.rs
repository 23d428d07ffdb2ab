//! Making a key set: client key, camera public key and evaluation key that belong together.

use crate::{bfv, tfhe};
use cipherframe::keys::KeyError;
use cipherframe::{KeyId, Progress, SchemeError, SchemeId};
use keyfile::{KeyFile, KeyFileError, Role};
use std::path::Path;
use thiserror::Error;
use zeroize::Zeroizing;

/// File name of the client key in a key set's folder.
pub const CLIENT_KEY_FILE: &str = "client.key";

/// File name of the camera public key in a key set's folder.
pub const PUBLIC_KEY_FILE: &str = "camera-public.key";

/// File name of the evaluation key in a key set's folder.
pub const EVALUATION_KEY_FILE: &str = "evaluation.key";

/// Three keys that belong together; they share one key id.
#[derive(Debug)]
pub struct KeySet {
    /// Decrypts: for the viewer.
    pub client: KeyFile,
    /// Encrypts: for the cameras.
    pub public: KeyFile,
    /// Pools: for the workers.
    pub evaluation: KeyFile,
}

/// Why a key set could not be made.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes ({0}); try again when it has started up")]
    Random(#[from] getrandom::Error),
    /// A key could not be put into its file form.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The scheme's library failed.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
}

/// The payloads of the keys made from one set of secrets.
#[derive(Default)]
pub(crate) struct Payloads {
    pub(crate) client: Vec<u8>,
    pub(crate) public: Vec<u8>,
    pub(crate) evaluation: Vec<u8>,
}

/// Makes a key set of a scheme, reporting its steps to `progress`.
pub fn generate(scheme: SchemeId, progress: &dyn Progress) -> Result<KeySet, GenerateError> {
    let Payloads {
        client,
        public,
        evaluation,
    } = match scheme {
        SchemeId::Plain => Payloads::default(),
        SchemeId::Tfhe => tfhe::generate(progress),
        SchemeId::Bfv => bfv::generate(progress)?,
    };
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    let file = |role, payload| {
        KeyFile::new(
            role,
            scheme.as_str(),
            KeyId::from_bytes(id),
            Zeroizing::new(payload),
        )
    };
    Ok(KeySet {
        client: file(Role::ClientKey, client)?,
        public: file(Role::CameraPublicKey, public)?,
        evaluation: file(Role::EvaluationKey, evaluation)?,
    })
}

impl KeySet {
    /// Writes the three keys as new files into an existing folder: [`CLIENT_KEY_FILE`], [`PUBLIC_KEY_FILE`] and
    /// [`EVALUATION_KEY_FILE`]. Nothing is overwritten.
    pub fn create_in(&self, folder: &Path) -> Result<(), KeyError> {
        self.client.create(&folder.join(CLIENT_KEY_FILE))?;
        self.public.create(&folder.join(PUBLIC_KEY_FILE))?;
        self.evaluation.create(&folder.join(EVALUATION_KEY_FILE))?;
        Ok(())
    }
}
