# A service that takes fewer connections than it is asked for.
model_mutant(limits never_fewer_connections core/job/window.c
  [[window->size = size > 1 ? size - 1 : 1;]]
  [[window->size = size;]])
model_mutant(limits one_connection_after_a_refusal core/job/window.c
  [[window->size = size > 1 ? size - 1 : 1;]]
  [[window->size = 1; window->max = 1;]])
model_mutant(limits one_more_as_often_as_ever core/job/window.c
  [[window->grow_every_ms *= 2;]]
  [[(void)0;]])
model_mutant(limits nothing_stands_and_it_does_not_wait core/job/window.c
  [[if (refusal->used <= 1) pause(window, now_ms);]]
  [[]])
model_mutant(limits a_limit_that_is_said_is_an_outage core/job/window.c
  [[return now_ms - window->refused_ms < PATIENCE_TOLD_MS;]]
  [[return false;]])
model_mutant(limits what_was_never_sent_burns run/outlet.c
  [[if (news.again) {]]
  [[if (0) {]])
model_mutant(limits said_limits_are_not_understood core/send/send_outcome_smtp.c
  [[result.crowded = result.crowd_told || (phase <= SMTP_EHLO && reply->code / 100 == 4);]]
  [[result.crowded = false;]])
model_mutant(limits nothing_is_learnt_of_successes run/outlet.c
  [[window_served(&outlet->window, outlet->used, now_ms);]]
  [[]])

# A service that answers 429 beyond so many a second.
model_mutant(limits pace_is_not_learnt run/outlet.c
  [[pace_refused(&outlet->pace, now_ms);]]
  [[]])
model_mutant(limits pace_is_not_kept run/outlet.c
  [[pace_begin(&outlet->pace, now_ms);]]
  [[]])
model_mutant(limits one_excess_slows_many_times core/job/pace.c
  [[if (known && now_ms - pace->refused_ms < REFUSAL_MS)]]
  [[if (0)]])
model_mutant(limits pace_does_not_give_way core/job/pace.c
  [[pace->per_second = known ? GIVE_WAY * pace->per_second : NEAR * lately;]]
  [[pace->per_second = known ? pace->per_second : NEAR * lately;]])
model_mutant(limits what_was_taken_meanwhile_does_not_count core/job/pace.c
  [[measure(pace, now_ms);]]
  [[(void)0;]])
model_mutant(limits too_many_requests_burn core/send/send_outcome.c
  [[result.throttled = result.outcome == SEND_TRANSIENT &&]]
  [[result.throttled = 0 &&]])

# A server that keeps the dialogue after a refusal.
model_mutant(dialogues a_refusal_ends_the_connection core/send/smtp_dialogue.c
  [[if (dialogue->resetting || dialogue->heard.reply.code == 421 || half_said ||]]
  [[if (1 || half_said ||]])
model_mutant(dialogues nothing_is_taken_back core/send/smtp_dialogue.c
  [[buffer_add_text(&dialogue->commands, "RSET\r\n");]]
  [[dialogue->owed = 0;]])
model_mutant(dialogues replies_that_are_owed_are_forgotten core/send/smtp_dialogue.c
  [[dialogue->owed = replies_owed(dialogue) + 1;]]
  [[dialogue->owed = 1;]])
model_mutant(dialogues data_owes_no_reply core/send/smtp_dialogue.c
  [[return dialogue->phase == SMTP_MAIL ? recipients + data : data;]]
  [[return dialogue->phase == SMTP_MAIL ? recipients + data : 0;]])
model_mutant(dialogues any_reply_to_rset_is_clean core/send/smtp_dialogue.c
  [[|| (last && code != 250);]]
  [[;]])
model_mutant(dialogues an_end_in_the_middle_is_clean core/send/smtp_dialogue.c
  [[dialogue->broken = code == 354 || code == 421 || code == 221 || (last && code != 250);]]
  [[dialogue->broken = false;]])
model_mutant(dialogues half_a_command_is_taken_back core/send/smtp_dialogue.c
  [[dialogue->heard.reply.code == 421 || half_said ||]]
  [[dialogue->heard.reply.code == 421 || (0 && half_said) ||]])
model_mutant(dialogues the_refusal_is_forgotten core/send/smtp_dialogue.c
  [[dialogue->verdict = result;
        dialogue->foreseen = dialogue->resetting = true;]]
  [[dialogue->resetting = true;]])
model_mutant(dialogues a_second_mail_hears_old_lines core/send/smtp_dialogue.c
  [[dialogue->heard.more = false;]]
  [[]])
model_mutant(dialogues data_goes_along_for_many core/send/smtp_dialogue.c
  [[if (dialogue->recipients.count == 1)
                buffer_add_text(&dialogue->commands, "DATA\r\n");]]
  [[buffer_add_text(&dialogue->commands, "DATA\r\n");]])
model_mutant(dialogues one_refused_for_now_is_left_out core/send/smtp_recipients.c
  [[recipients->taken > 0 && (!recipients->for_now || recipients->last_try)]]
  [[recipients->taken > 0]])
