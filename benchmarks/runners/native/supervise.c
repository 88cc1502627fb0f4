#include "supervise.h"

#include "sampling.h"
#include "text.h"
#include "variant.h"

struct child {
  pid_t process;
  int commands, answers;
  char failed[REASON_SIZE]; /* empty as long as all is well */
  int was_killed;           /* by another than us, as by a system that lacks memory */
  int is_alone;             /* started again, when no other was loaded any more */
};

static struct child children[MAX_VARIANTS];
static int steps;

static void tell(int number, const char *what) {
  char line[128];
  format_text(line, sizeof line, "%d variant %d: %s\n", ++steps, number, what);
  /* Who reads it finds an old one then, and gives up in time. */
  (void)!write_file("state", line, strlen(line));
}

static void end(struct child *child) {
  int status = 0;
  kill(child->process, SIGKILL);
  while (waitpid(child->process, &status, 0) < 0 && errno == EINTR) continue;
  close(child->commands);
  close(child->answers);
  child->commands = child->answers = -1; /* their numbers may be those of other files from now on */
}

static void died(struct child *child, const char *step) {
  int status = 0;
  while (waitpid(child->process, &status, 0) < 0 && errno == EINTR) continue;
  child->was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (WIFSIGNALED(status))
    format_text(child->failed, sizeof child->failed, "%s: its process was ended by signal %d", step,
                WTERMSIG(status));
  else
    format_text(child->failed, sizeof child->failed, "%s: its process ended with exit code %d", step,
                WEXITSTATUS(status));
}

/* Waits for the answer of a child. */
static void await(struct child *child, const char *step, long long patience_ns) {
  struct pollfd ready = {child->answers, POLLIN, 0};
  char words[REASON_SIZE];
  int found = poll(&ready, 1, (int)(patience_ns / 1000000));
  if (found <= 0) {
    format_text(child->failed, sizeof child->failed, "%s: its process hung: no answer in %lld s", step,
                patience_ns / 1000000000);
    end(child);
    return;
  }
  ssize_t got = read(child->answers, words, sizeof words - 1);
  if (got <= 0) {
    died(child, step);
  } else if (words[0] != '.') {
    words[got] = 0;
    format_text(child->failed, sizeof child->failed, "%s", words + 1);
    end(child);
  }
}

static void ask(int number, char command, const char *step, long long patience_ns) {
  struct child *child = &children[number];
  if (child->failed[0]) return;
  tell(number, step);
  if (write(child->commands, &command, 1) != 1) died(child, step);
  else await(child, step, patience_ns);
}

static void start(const struct job *job, int number) {
  struct child *child = &children[number];
  int commands[2], answers[2];
  tell(number, "loading, self-test, warming up");
  if (pipe(commands) || pipe(answers) || (child->process = fork()) < 0) {
    format_text(child->failed, sizeof child->failed, "no process could be made: %s", strerror(errno));
    return;
  }
  if (child->process == 0) {
    close(commands[1]);
    close(answers[0]);
    /* The ends of the others: a child must not keep them open. */
    for (int other = 0; other < number; other++)
      if (!children[other].failed[0] && children[other].commands >= 0) {
        close(children[other].commands);
        close(children[other].answers);
      }
    serve_variant(job, number, child->is_alone, commands[0], answers[1]);
  }
  close(commands[0]);
  close(answers[1]);
  child->commands = commands[1];
  child->answers = answers[0];
  await(child, "loading", job->timing.patience_ns);
}

static void write_end(int count) {
  struct text text = {NULL, 0, 0};
  text_add(&text, "[");
  for (int number = 0; number < count; number++) {
    if (number) text_add(&text, ",");
    if (children[number].failed[0]) text_add_quoted(&text, children[number].failed);
    else text_add(&text, "null");
  }
  text_add(&text, "]\n");
  (void)!write_file("ended", text.data, text.size);
}

/* Measures variants that are loaded, in turns, and ends them. */
static void take_turns(const struct job *job, int first, int count) {
  const struct timing *timing = &job->timing;
  for (long long round = 0; round < timing->rounds; round++) {
    char step[64];
    format_text(step, sizeof step, "burst, round %lld of %lld", round + 1, timing->rounds);
    for (int turn = 0; turn < count; turn++) {
      /* Every other round goes backwards, so that nobody always comes after the same neighbour. */
      int number = first + (round % 2 ? count - 1 - turn : turn);
      ask(number, 'b', step, timing->patience_ns + timing->max_ns * MAX_STAGES);
      sleep_ns(timing->pause_ns);
    }
  }
  for (int number = first; timing->sustained_ns && number < first + count; number++)
    ask(number, 's', "sustained", timing->patience_ns + timing->sustained_ns);
  for (int number = first; number < first + count; number++)
    ask(number, 'f', "finish", timing->patience_ns);
  for (int number = first; number < first + count; number++)
    if (!children[number].failed[0]) end(&children[number]);
}

void supervise(const struct job *job) {
  int count = job->variants;
  for (int number = 0; number < count; number++) start(job, number);
  take_turns(job, 0, count);
  /* Who found no room beside the others has it now. */
  for (int number = 0; count > 1 && number < count; number++) {
    struct child *child = &children[number];
    if (!child->was_killed) continue;
    child->failed[0] = 0;
    child->is_alone = 1;
    start(job, number);
    take_turns(job, number, 1);
  }
  write_end(count);
}
