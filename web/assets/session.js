// Who is logged in, and what they may.
export const session = { token: null, role: null, open: false };

/** May they change things? */
export const operates = () => session.role === "operate";
/** May they look at jobs and letters? A token that publishes sees types and its own jobs only. */
export const reads = () => session.role === "operate" || session.role === "read";
