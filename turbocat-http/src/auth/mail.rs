//! Mail: to a server, into a folder, or into the log.

use std::fmt;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::api::SetupError;
use crate::settings::{Mail, Settings};

/// Sends mail.
#[derive(Clone)]
pub(crate) struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Log,
    Folder(AsyncFileTransport<Tokio1Executor>),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let from = settings
            .mail_from
            .parse()
            .map_err(|error| SetupError::new(format!("MAIL_FROM is no address: {error}")))?;
        let way = match &settings.mail {
            Mail::Log => Way::Log,
            Mail::Folder(folder) => {
                std::fs::create_dir_all(folder)
                    .map_err(|error| SetupError::new(format!("MAIL_FOLDER cannot be made: {error}")))?;
                Way::Folder(AsyncFileTransport::new(folder))
            }
            Mail::Smtp(url) => {
                // What is wrong with it is not told: there is a password in it.
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.reveal())
                    .map_err(|_| SetupError::new("SMTP_URL must be like smtps://user:password@host:465"))?;
                Way::Smtp(server.build())
            }
        };
        Ok(Self { from, way })
    }

    /// Sends a mail from a task of its own: nobody learns from how long it takes whether there was
    /// one.
    pub(crate) fn post(&self, to: &str, subject: &str, text: String) {
        let (mailer, to, subject) = (self.clone(), to.to_owned(), subject.to_owned());
        tokio::spawn(async move {
            if let Err(error) = mailer.send(&to, &subject, text).await {
                tracing::error!(%error, subject, "a mail was not sent");
            }
        });
    }

    async fn send(
        &self,
        to: &str,
        subject: &str,
        text: String,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mail = Message::builder()
            .from(self.from.clone())
            .to(to.parse()?)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        match &self.way {
            // Without the text: there are tokens in it.
            Way::Log => {
                tracing::info!(subject, "a mail would be sent; set SMTP_URL or MAIL_FOLDER to have it")
            }
            Way::Folder(folder) => drop(folder.send(mail).await?),
            Way::Smtp(server) => drop(server.send(mail).await?),
        }
        Ok(())
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}
