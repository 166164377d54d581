// The page over the JSON API of /_sim/. Everything shown was sent by strangers, so it only ever becomes text.

const $ = (id) => document.getElementById(id);

function el(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

async function ask(method, path, body) {
  const response = await fetch(`/_sim/${path}`, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Error(answer?.error ?? `HTTP ${response.status}`);
  return answer;
}

const chip = (text, kind = "") => el("span", { className: `chip ${kind}`, textContent: text });
const mono = (text) => el("span", { className: "mono", textContent: text });
const clockOf = (iso) => iso.slice(11, 19);
const short = (id) => (id && id.length > 22 ? `${id.slice(0, 10)}…${id.slice(-7)}` : id ?? "");
const bytes = (n) => (n < 1e4 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(0)} kB` : `${(n / 1e6).toFixed(1)} MB`);
const people = new Map(); // username by open_id
const whose = (open_id) => (people.has(open_id) ? `@${people.get(open_id)}` : short(open_id));
const empty = (text) => el("p", { className: "empty", textContent: text });

function table(heads, rows) {
  const head = el("tr", {}, ...heads.map((text) => el("th", { textContent: text })));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function row(...cells) {
  return el("tr", {}, ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : el("td", {}, cell ?? ""))));
}

const cut = (text) => el("td", {}, el("div", { className: "cut mono", title: text ?? "", textContent: text ?? "" }));
const shown = {};

// Replaces a part of the page only when what it shows has changed: players keep playing, selections stay.
function render(id, data, draw) {
  const fresh = JSON.stringify(data);
  if (shown[id] === fresh) return;
  shown[id] = fresh;
  $(id).replaceChildren(...[draw(data)].flat());
}

const statusKind = (status) =>
  status === "FAILED" ? "bad" : status === "PUBLISH_COMPLETE" ? "good" : "wait";

function postCard(post) {
  const screen = el("div", { className: "screen" });
  const first = post.media[post.kind === "photo" ? post.cover_index : 0];
  const source = `/_sim/posts/${post.post_id}/media/${post.kind === "photo" ? post.cover_index : 0}`;
  if (!first?.kept) screen.append("bytes not kept");
  else if (post.kind === "video")
    screen.append(el("video", { src: source, poster: `/_sim/posts/${post.post_id}/cover`, controls: true, preload: "none" }));
  else screen.append(el("img", { src: source, alt: post.title, loading: "lazy" }));
  if (post.media.length > 1) screen.append(el("span", { className: "more", textContent: `1 of ${post.media.length}` }));
  const state = post.removed ? chip("removed", "bad") : post.public ? chip("public", "good") : chip(post.privacy_level.toLowerCase());
  const words = el("div", { className: "words" },
    el("div", { className: "title", textContent: post.title || post.description || "(no caption)", title: post.title }),
    el("div", { className: "who", textContent: `@${post.username ?? "?"}` }),
    el("div", {}, state));
  if (!post.removed && post.publish_id) {
    const act = post.public ? ["remove", "Take down"] : post.privacy_level === "PUBLIC_TO_EVERYONE" ? ["publish", "Pass moderation"] : null;
    if (act) words.append(el("button", { textContent: act[1], onclick: () => act_on(`posts/${post.post_id}/${act[0]}`) }));
  }
  return el("article", { className: `post${post.removed ? " removed" : ""}` }, screen, words);
}

function runningRow(pub) {
  const total = pub.upload?.bytes ?? 0;
  const done = pub.upload?.received ?? pub.pull?.downloaded ?? 0;
  const what = pub.received_at ? (pub.stuck ? "stuck" : "checking and processing") : pub.pull ? "pulling" : "uploading";
  const detail = pub.upload ? `${bytes(done)} of ${bytes(total)}, chunk ${pub.upload.chunks.length} of ${pub.upload.chunk_count}`
    : `${bytes(done)}, file ${pub.pull.fetched} of ${pub.pull.urls.length}`;
  return el("div", { className: "running" },
    el("div", {}, mono(short(pub.publish_id)), chip(what, pub.stuck ? "bad" : "wait")),
    el("progress", pub.upload ? { max: total, value: done } : {}),
    el("div", { className: "hint" }, el("span", { textContent: `${pub.mode} ${pub.kind} of ${pub.who}` }), el("span", { textContent: detail })));
}

function finishedRow(pub) {
  const draft = pub.mode === "inbox" && ["SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"].includes(pub.status);
  const button = draft ? el("button", { textContent: "Post it", title: "the creator posts the draft in the app", onclick: () => act_on(`publications/${pub.publish_id}/post`) }) : "";
  return row(mono(clockOf(pub.created_at)), el("td", { title: pub.publish_id }, mono(short(pub.publish_id))), el("td", {}, `${pub.mode} ${pub.kind}`, el("span", { className: "cut", textContent: pub.who, title: pub.open_id })),
    chip(pub.fail_reason ?? pub.status.toLowerCase(), statusKind(pub.status)), el("td", { className: "end" }, button));
}

function webhookRow(hook) {
  const answers = hook.attempts.map((a) => chip(a.error ?? String(a.status), a.status === 200 ? "good" : "bad"));
  const state = { delivered: "good", pending: "wait", held: "wait" }[hook.state] ?? "bad";
  const again = el("button", { textContent: "Again", title: "send the same bytes once more",
    onclick: () => act_on("webhooks", { event: hook.event, raw: hook.body, client_key: hook.client_key }) });
  return row(mono(clockOf(hook.created_at)), cut(hook.event), chip(hook.state, state),
    el("td", {}, ...answers.slice(-6)), el("td", { className: "end" }, again));
}

function accountRow(account) {
  const marks = ["private", "banned", "verified"].filter((mark) => account[mark]).map((mark) => chip(mark, mark === "banned" ? "bad" : ""));
  const live = account.grants.some((grant) => grant.removed_reason === null);
  const change = (body) => ask("PATCH", `accounts/${account.union_id}`, body).then(refresh).catch(trouble);
  return row(el("td", { title: `${account.display_name} @${account.username}` }, el("b", { className: "cut", textContent: account.display_name }), el("span", { className: "cut mono", textContent: `@${account.username}` })),
    el("td", { title: "posts on the profile, direct posts left today" }, `${account.posts} posts, ${account.posts_left} left`, el("div", {}, ...marks)),
    el("td", { className: "end" },
      el("button", { textContent: account.private ? "Open" : "Close", onclick: () => change({ private: !account.private }) }), " ",
      el("button", { textContent: account.banned ? "Unban" : "Ban", onclick: () => change({ banned: !account.banned }) }), " ",
      live ? el("button", { textContent: "Disconnect", onclick: () => act_on(`accounts/${account.union_id}/disconnect`) }) : chip("disconnected", "bad")));
}

function callRow(call) {
  const kind = call.outcome !== "answered" ? "bad" : call.code === "ok" ? "good" : "bad";
  return row(mono(clockOf(call.at)), mono(`${call.method} ${call.endpoint}`),
    chip(call.outcome === "answered" ? `${call.status} ${call.code ?? ""}` : call.outcome, kind),
    cut(call.publish_id), el("td", {}, ...call.faults.map((name) => chip(name, "wait"))),
    el("td", { className: "end" }, mono(`${call.ms.toFixed(0)} ms`)));
}

const faultRow = (fault) => row(chip(fault.do, "wait"), fault.name ?? "", cut([fault.endpoint, fault.event, fault.open_id && whose(fault.open_id)].filter(Boolean).join(" ") || "everything"),
  fault.left === null ? "for ever" : `${fault.left} left`,
  el("td", { className: "end" }, el("button", { textContent: "Disarm", onclick: () => ask("DELETE", `faults/${fault.id}`).then(refresh) })));

const customerRow = (c) => row(el("b", { textContent: c.name }), `${c.received} received`, `${c.distinct_ids} ids`,
  c.duplicates ? chip(`${c.duplicates} duplicates`, "wait") : "", c.keys ? chip(c.bad_signatures ? `${c.bad_signatures} bad signature${c.bad_signatures > 1 ? "s" : ""}` : "signatures fine", c.bad_signatures ? "bad" : "good") : chip("no key"),
  el("td", { className: "end" }, el("a", { href: `/_sim/customer/${c.name}/inbox`, textContent: "inbox" })));

function options(select, accounts, first) {
  const chosen = select.value;
  select.replaceChildren(el("option", { value: "", textContent: first }),
    ...accounts.filter((a) => a.open_id).map((a) => el("option", { value: a.open_id, textContent: `@${a.username}` })));
  select.value = chosen;
}

function trouble(error) {
  $("trouble").textContent = error.message;
  $("trouble").hidden = false;
  setTimeout(() => { $("trouble").hidden = true; }, 6000);
}

const act_on = (path, body) => ask("POST", path, body ?? {}).then(refresh).catch(trouble);

async function refresh() {
  const [clock, world, hooks, faults, accounts, customers, calls] = await Promise.all([
    "clock", "world?limit=60", "webhooks?limit=40", "faults", "accounts?limit=100", "customer", "calls?limit=60",
  ].map((path) => ask("GET", path)));
  for (const account of accounts.accounts) for (const grant of account.grants) people.set(grant.open_id, account.username);
  $("now").textContent = clock.now.slice(0, 19).replace("T", " ");
  $("frozen").hidden = !clock.frozen;
  $("freeze").textContent = clock.frozen ? "Let it run" : "Freeze";
  $("freeze").onclick = () => act_on(clock.frozen ? "clock/thaw" : "clock/freeze");
  const { counts, health } = world;
  render("counts", [counts, world.duplicates.length, health.unscripted_errors], () => [
    ...Object.entries(counts).map(([name, n]) => el("span", {}, el("b", { textContent: n }), ` ${name}`)),
    world.duplicates.length ? chip(`${world.duplicates.length} published twice`, "bad") : "",
    health.unscripted_errors ? chip(`${health.unscripted_errors} unscripted errors`, "bad") : ""]);
  const running = world.publications.filter((pub) => pub.status.startsWith("PROCESSING")).reverse();
  const finished = world.publications.filter((pub) => !pub.status.startsWith("PROCESSING")).reverse();
  const none = (list, text, draw) => (list.length ? draw(list) : empty(text));
  $("post-count").textContent = counts.posts > 40 ? `the newest 40 of ${counts.posts}` : "";
  render("posts", world.posts.slice(-40).reverse(), (list) => none(list, "Nothing was published yet. Post something through the API and it appears here, playable.", () => list.map(postCard)));
  render("running", running.map((pub) => ({ ...pub, who: whose(pub.open_id) })), (list) => none(list, "Nothing is on its way.", () => list.map(runningRow)));
  render("finished", finished.map((pub) => ({ ...pub, who: whose(pub.open_id) })), (list) => none(list, "No post has ended yet.", () => table(["at", "publish_id", "what", "status", ""], list.map(finishedRow))));
  render("webhooks", hooks.webhooks, (list) => none(list, "No webhook was made yet.", () => table(["at", "event", "state", "answers", ""], list.map(webhookRow))));
  render("accounts", accounts.accounts, (list) => none(list, "No creator is here yet.", () => table(["creator", "posts", ""], list.map(accountRow))));
  render("faults", faults.faults, (list) => none(list, "Everything works as it should.", () => table(["does", "name", "to", "how often", ""], list.map(faultRow))));
  render("customers", customers.customers, (list) => none(list, "No delivery came in. Point an endpoint at /_sim/customer/NAME.", () => table(["name", "deliveries", "distinct", "", "", ""], list.map(customerRow))));
  render("calls", calls.calls.reverse(), (list) => none(list, "No call was made yet.", () => table(["at", "call", "answer", "publish_id", "faults", ""], list.map(callRow))));
  const names = accounts.accounts.map((a) => a.open_id).join();
  if (shown.names !== names) {
    shown.names = names;
    options($("send").elements.user_openid, accounts.accounts, "nobody");
    options($("scenario").elements.open_id, accounts.accounts, "whoever comes first");
  }
}

document.querySelectorAll("[data-advance]").forEach((button) => {
  button.onclick = () => act_on("clock/advance", { seconds: Number(button.dataset.advance) });
});
$("reset").onclick = () => confirm("Forget all accounts, posts, webhooks and faults?") && act_on("reset");

$("send").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target.elements;
  try {
    const sent = await ask("POST", "webhooks", {
      event: form.event.value, content: JSON.parse(form.content.value || "{}"), user_openid: form.user_openid.value || null,
    });
    event.target.querySelector("output").textContent = sent.state === "dropped" ? "no callback URL is set" : `sent as no. ${sent.seq}`;
    await refresh();
  } catch (error) { trouble(error); }
};

$("new-account").onsubmit = (event) => {
  event.preventDefault();
  const form = event.target.elements;
  act_on("accounts", { ...(form.username.value ? { username: form.username.value } : {}), private: form.private.checked })
    .then(() => { form.username.value = ""; });
};

const { scenarios } = await ask("GET", "scenarios");
const scenario = $("scenario").elements;
scenario.name.append(...Object.keys(scenarios).map((name) => el("option", { textContent: name })));
scenario.name.onchange = () => { $("story").textContent = scenarios[scenario.name.value]; };
scenario.name.onchange();
$("scenario").onsubmit = (event) => {
  event.preventDefault();
  act_on(`scenarios/${scenario.name.value}`, scenario.open_id.value ? { open_id: scenario.open_id.value } : {});
};

for (;;) {
  if (!document.hidden) await refresh().catch(trouble);
  await new Promise((done) => setTimeout(done, 1000));
}
