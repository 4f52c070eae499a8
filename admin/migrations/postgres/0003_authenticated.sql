-- When the user of a refresh token signed in, for the id tokens that come with the tokens that it is exchanged for.
ALTER TABLE refresh_tokens ADD COLUMN authenticated BIGINT;
