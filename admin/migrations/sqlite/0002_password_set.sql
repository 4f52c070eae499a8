-- When a password was set: who signed in with the one before has to sign in again. Zero is before anybody asked.
ALTER TABLE users ADD COLUMN password_set BIGINT NOT NULL DEFAULT 0;
