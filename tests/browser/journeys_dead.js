// Journeys through the dead letters.
export const dead = {};
