// Reads mails with npm's mailparser and postal-mime.
// usage: node parse.js FILE...    prints one JSON line a file: {"mailparser": MAIL, "postal-mime": MAIL}
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";
import PostalMime from "postal-mime";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const people = (list) => (list ?? []).map(({ name, address }) => [name ?? "", address]);
const groups = (value) => people([value ?? []].flat().flatMap((group) => group.value ?? []));

async function byMailparser(raw) {
  const mail = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true });
  return {
    subject: mail.subject, from: groups(mail.from), to: groups(mail.to), cc: groups(mail.cc), replyTo: groups(mail.replyTo),
    messageId: mail.messageId, inReplyTo: mail.inReplyTo, date: mail.date?.toISOString(),
    text: mail.text, html: mail.html || undefined,
    files: mail.attachments.map((file) => ({ name: file.filename, type: file.contentType, cid: file.cid,
      shown: file.contentDisposition === "inline", size: file.content.length, sha256: sha256(file.content) })),
  };
}

async function byPostalMime(raw) {
  const mail = await PostalMime.parse(raw, { attachmentEncoding: "arraybuffer" });
  return {
    subject: mail.subject, from: people([mail.from]), to: people(mail.to), cc: people(mail.cc), replyTo: people(mail.replyTo),
    messageId: mail.messageId, inReplyTo: mail.inReplyTo, date: mail.date,
    text: mail.text, html: mail.html,
    files: mail.attachments.map((file) => ({ name: file.filename, type: file.mimeType, cid: file.contentId?.replace(/^<|>$/g, ""),
      shown: file.disposition === "inline", size: file.content.byteLength, sha256: sha256(new Uint8Array(file.content)) })),
  };
}

for (const path of process.argv.slice(2)) {
  const raw = readFileSync(path);
  console.log(JSON.stringify({ mailparser: await byMailparser(raw), "postal-mime": await byPostalMime(raw) }));
}
