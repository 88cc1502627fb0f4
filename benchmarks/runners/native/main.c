/* Measures ONNX graphs on a device:
 *
 *   rapsam-bench about LIBRARY   prints the version of ONNX Runtime, then one execution provider a line
 *   rapsam-bench run JOB         checks the job, goes into the background, leaves all that it finds in files
 *
 * It goes on when the connection to the computer is lost. See job.h, supervise.h and variant.h for the files.
 */
#include "job.h"
#include "ort.h"
#include "supervise.h"
#include "text.h"

static void say(int handle, const char *line) {
  (void)!write_all(handle, line, strlen(line));
  (void)!write_all(handle, "\n", 1);
}

static int about(const char *library) {
  char **names;
  const char *failed = ort_open(library);
  if (failed) {
    say(2, failed);
    return 1;
  }
  say(1, ort_version());
  int count = ort_providers(&names);
  for (int number = 0; number < count; number++) say(1, names[number]);
  return 0;
}

/* Leaves the shell behind: its end, and that of the connection, must not end the run. */
static int run(const char *path) {
  struct job job;
  char words[REASON_SIZE];
  int line;
  const char *problem = read_job(path, &job, &line);
  if (problem) {
    format_text(words, sizeof words, "line %d of the job: %s", line, problem);
    say(2, words);
    return 2;
  }
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  pid_t process = fork();
  if (process < 0) return 1;
  if (process) {
    format_text(words, sizeof words, "%d\n", process);
    return write_file("pid", words, strlen(words)) ? 1 : 0;
  }
  setsid();
  int quiet = open("/dev/null", O_RDONLY), said = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(quiet, 0);
  dup2(said, 1);
  dup2(said, 2);
  supervise(&job);
  return 0;
}

int main(int count, char **words) {
  if (count == 3 && !strcmp(words[1], "about")) return about(words[2]);
  if (count == 3 && !strcmp(words[1], "run")) return run(words[2]);
  say(2, "expected: about LIBRARY, or run JOB");
  return 2;
}
