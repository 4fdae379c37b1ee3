// A planner: reads a job a line, answers with its plan. handlers.cart.left.v1: {plan: {exec: [node, planner.js]}}
const lines = require("readline").createInterface({ input: process.stdin });

function plan(cart) {
  if (!cart.items?.length) return { reject: "an empty cart" };
  return { effects: [{ kind: "mail", key: "customer", to: cart.email, subject: "You left something",
                       text: `In your cart: ${cart.items.join(", ")}` }] };
}

lines.on("line", (line) => {
  const job = JSON.parse(line);
  console.log(JSON.stringify({ id: job.id, ...plan(job.data) }));
});
