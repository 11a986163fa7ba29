//! What a command decides: writes, and the reply.

use crate::model::write::Write;

/// What a command does and answers. No writes: it only reads, or it is a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R> {
    /// All or none of these; a device's sign of life may be written before the nonce of its call.
    pub writes: Vec<Write>,
    /// Beside them, on its own: a lease prolonged in passing. If it does not succeed, the next heartbeat will.
    pub touch: Option<Write>,
    /// The answer, if the writes succeed.
    pub reply: R,
}

impl<R> Decision<R> {
    /// Changes nothing.
    pub fn read(reply: R) -> Self {
        Self { writes: Vec::new(), touch: None, reply }
    }

    /// The same decision with another reply.
    pub fn map<Q>(self, reply: impl FnOnce(R) -> Q) -> Decision<Q> {
        Decision { writes: self.writes, touch: self.touch, reply: reply(self.reply) }
    }

    /// Changes all of `writes` or nothing.
    pub fn write(writes: Vec<Write>, reply: R) -> Self {
        Self { writes, touch: None, reply }
    }
}
