-- Whether anything is due, and what waits longest, is read from the front of this, however many shops there are.
CREATE INDEX invitations_by_time ON invitations (live, next_try_at) WHERE state = 'scheduled';
