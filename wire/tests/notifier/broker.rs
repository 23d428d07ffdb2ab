//! The least that can be called a broker: it accepts, notes what it is told, and can hang up.

use rumqttc::mqttbytes::v4::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::PATIENCE;

/// Whether it confirms what it is told.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Confirms,
    Silent,
}

/// A message, or the last will.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) retained: bool,
    pub(crate) qos: u8,
}

enum Heard {
    Will(Said),
    Message(Said),
    /// The connection has ended, with a goodbye or without.
    End(bool),
}

pub(crate) struct Broker {
    port: u16,
    heard: mpsc::UnboundedReceiver<Heard>,
    /// How many connections have been hung up on.
    hang_up: watch::Sender<u32>,
}

impl Broker {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = mpsc::unbounded_channel();
        let (hang_up, mut hung_up) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                hung_up.mark_unchanged();
                tokio::select! {
                    goodbye = listen(stream, manner, &sender) => drop(sender.send(Heard::End(goodbye))),
                    _ = hung_up.changed() => {}
                }
            }
        });
        Self {
            port,
            heard,
            hang_up,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub(crate) fn hang_up(&self) {
        self.hang_up.send_modify(|count| *count += 1);
    }

    /// The last will of the next connection.
    pub(crate) async fn connected(&mut self) -> Said {
        match self.hear().await {
            Heard::Will(will) => will,
            _ => panic!("no new connection"),
        }
    }

    /// The next `count` messages.
    pub(crate) async fn next(&mut self, count: usize) -> Vec<Said> {
        let mut messages = Vec::new();
        while messages.len() < count {
            match self.hear().await {
                Heard::Message(message) => messages.push(message),
                _ => panic!("the connection is another one after {messages:?}"),
            }
        }
        messages
    }

    /// Whether the connection ends with a goodbye, whatever is said before.
    pub(crate) async fn was_told_goodbye(&mut self) -> bool {
        loop {
            if let Heard::End(goodbye) = self.hear().await {
                return goodbye;
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.heard.recv()).await.unwrap().unwrap()
    }
}

/// Gives whether the client said goodbye.
async fn listen(
    mut stream: TcpStream,
    manner: Manner,
    heard: &mpsc::UnboundedSender<Heard>,
) -> bool {
    let mut bytes = bytes::BytesMut::new();
    loop {
        let Ok(packet) = Packet::read(&mut bytes, 1 << 20) else {
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return false;
            }
            continue;
        };
        let answer = match packet {
            Packet::Connect(connect) => {
                let will = connect.last_will.unwrap();
                let will = message(will.topic, &will.message, will.retain, will.qos);
                let _ = heard.send(Heard::Will(will));
                vec![0x20, 2, 0, 0]
            }
            Packet::Publish(publish) => {
                let [high, low] = publish.pkid.to_be_bytes();
                let confirm = manner == Manner::Confirms && publish.pkid != 0;
                let said = message(publish.topic, &publish.payload, publish.retain, publish.qos);
                let _ = heard.send(Heard::Message(said));
                if confirm {
                    vec![0x40, 2, high, low]
                } else {
                    Vec::new()
                }
            }
            Packet::Disconnect => return true,
            _ => Vec::new(),
        };
        let _ = stream.write_all(&answer).await;
    }
}

fn message(topic: String, payload: &[u8], retained: bool, qos: rumqttc::QoS) -> Said {
    Said {
        topic,
        payload: String::from_utf8(payload.to_vec()).unwrap(),
        retained,
        qos: qos as u8,
    }
}
