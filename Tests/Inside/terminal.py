"""Types into a program on a terminal of its own and checks what comes back.

terminal.py SCENARIO COMMAND...     each function below that takes a command is a scenario; exit status 0 when all was as expected
terminal.py record COMMAND...       types nothing, prints what came to the terminal, and ends as the command did
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.resize(24, 80)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, wanted, seconds=30):
        """Reads until the text appears after what was matched before."""
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                self.fail(f"no {wanted!r}")
            try:
                read = os.read(self.fd, 65536)
            except OSError:
                read = b""
            if not read:
                self.fail(f"ended before {wanted!r}")
            self.text += read.decode(errors="replace")
        self.text = self.text.split(wanted, 1)[1]

    def status(self, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        self.fail("does not end")

    def fail(self, what):
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(f"terminal: {what}; still unread: {self.text!r}")


def shell(command):
    """A prompt, a terminal on every descriptor, job control without a complaint, the shell's status."""
    terminal = Terminal(command)
    terminal.type("test -t 0 && test -t 1 && test -t 2 && echo all-$((40+2))\n")
    terminal.expect("all-42")
    if "job control" in terminal.text:
        terminal.fail("the shell has no job control")
    terminal.type("sleep 60\n")
    time.sleep(0.3)
    terminal.type("\x03")
    terminal.type("echo after-$((1+1))\n")
    terminal.expect("after-2", seconds=5)
    terminal.type("sleep 60 & kill %1 && echo jobs-$((2+2))\n")
    terminal.expect("jobs-4")
    terminal.type("exit 3\n")
    assert terminal.status() == 3


def resize(command):
    terminal = Terminal(command)
    terminal.type("echo start-$((1+0))\n")
    terminal.expect("start-1")
    terminal.resize(31, 99)
    terminal.type("stty size\n")
    terminal.expect("31 99")
    terminal.type("exit\n")
    terminal.status()


def interrupt(command):
    """Ctrl-C ends the contained program once, and the caller's shell sees that signal."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.type(" ".join(command) + " sh -c 'echo in-$((2+3)); sleep 60'\n")
    terminal.expect("in-5")
    terminal.type("\x03")
    terminal.type("echo status-$?\n")
    terminal.expect("status-130")
    terminal.type("exit\n")
    terminal.status()


def suspend(command):
    """Ctrl-Z gives the caller's shell back; fg goes on; the terminal is the program's again."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.type(" ".join(command) + " sh -c 'echo in-$((2+3)); read line; echo got-$line; exit 7'\n")
    terminal.expect("in-5")
    terminal.type("\x1a")
    terminal.expect("Stopped")
    terminal.type("fg\n")
    time.sleep(0.3)
    terminal.type("word\n")
    terminal.expect("got-word")
    terminal.type("echo status-$?\n")
    terminal.expect("status-7")
    terminal.type("exit\n")
    terminal.status()


def stopped(command, script, before_fg=""):
    """A program that stops gives the caller's shell back; fg goes on; the terminal and the status are the program's."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.type(" ".join(command) + f" sh -c '{script}'\n")
    terminal.expect("Stopped")
    terminal.type("echo shell-$((3+4))\n")
    terminal.expect("shell-7")
    terminal.type(before_fg + "fg\n")
    terminal.expect("back-9")
    terminal.type("word\n")
    terminal.expect("got-word")
    terminal.type("echo status-$?\n")
    terminal.expect("status-7")
    terminal.type("jobs; echo none-$((1+1))\n")
    terminal.expect("none-2")
    terminal.type("exit\n")
    terminal.status()


REST = "echo back-$((4+5)); read line; echo got-$line; exit 7"


def group_stop(command):
    """As editors do on Ctrl-Z: the whole process group."""
    stopped(command, "kill -TSTP 0; " + REST)


def self_stop(command):
    stopped(command, "kill -STOP $$; " + REST)


def terminal_stop(command):
    """kill of the job by the shell, as `kill -TSTP %1`, of a program in the background."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.type(" ".join(command) + " sh -c 'while :; do sleep 0.1; done' & sleep 1; kill -TSTP %1\n")
    terminal.type("sleep 0.3; jobs; echo listed-$((1+1))\n")
    terminal.expect("Stopped")
    terminal.expect("listed-2")
    terminal.type("kill %1; kill -CONT %1; wait %1; echo status-$?\n")
    terminal.expect("status-143")
    terminal.type("exit\n")
    terminal.status()


def twice(command):
    """Stopped again after it went on."""
    stopped(command, "kill -TSTP 0; kill -TSTP 0; " + REST, before_fg="fg\n")


def background_read(command):
    """A program in the background that reads from the terminal is stopped, and goes on in the foreground."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.type(" ".join(command) + " cat &\n")
    time.sleep(1)
    terminal.type("\n")
    terminal.expect("Stopped")
    terminal.type("fg\n")
    terminal.expect("cat")
    time.sleep(0.3)
    terminal.type("line\n")
    # The terminal's echo, and cat's.
    terminal.expect("line")
    terminal.expect("line")
    terminal.type("\x04")
    terminal.type("echo status-$?\n")
    terminal.expect("status-0")
    terminal.type("exit\n")
    terminal.status()


def suspended_shell(command):
    """An interactive shell leads a process group of its own, and has the terminal again after fg."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.type(" ".join(command) + "\n")
    terminal.type("echo inner-$((1+2))\n")
    terminal.expect("inner-3")
    terminal.type("kill -STOP $$\n")
    terminal.expect("Stopped")
    terminal.type("echo shell-$((3+4))\n")
    terminal.expect("shell-7")
    terminal.type("fg\n")
    time.sleep(0.3)
    terminal.type("echo again-$((2+2))\n")
    terminal.expect("again-4")
    terminal.type("sleep 60\n")
    time.sleep(0.3)
    terminal.type("\x03")
    terminal.type("exit 3\n")
    terminal.type("echo status-$?\n")
    terminal.expect("status-3")
    terminal.type("exit\n")
    terminal.status()


def build_stop(command):
    """A build, whose %post says in-5, reads a word, and stops its process group when that is `stop`."""
    for key, wanted in [("\x1a", "Stopped"), ("stop\n", "Stopped")]:
        terminal = Terminal(["bash", "--norc", "-i"])
        terminal.type(" ".join(command) + "\n")
        terminal.expect("in-5")
        terminal.type(key)
        terminal.expect(wanted)
        terminal.type("echo shell-$((3+4))\n")
        terminal.expect("shell-7")
        terminal.type("fg\n")
        time.sleep(0.3)
        terminal.type("word\n")
        terminal.expect("got-word")
        terminal.expect("Build complete")
        terminal.type("echo status-$?\n")
        terminal.expect("status-0")
        terminal.type("exit\n")
        terminal.status()


def record(command):
    terminal = Terminal(command)
    try:
        while read := os.read(terminal.fd, 65536):
            terminal.text += read.decode(errors="replace")
    except OSError:
        # The last one that had the terminal is gone.
        pass
    sys.stdout.write(terminal.text)
    sys.exit(terminal.status())


def agree(command):
    """A build asks before it replaces what is there; y lets it."""
    terminal = Terminal(command)
    terminal.expect("already exists and will be deleted during the build process. Do you want to continue? [N/y] ")
    terminal.type("y\n")
    terminal.expect("Build complete")
    assert terminal.status() == 0


def decline(command):
    """Enter alone is a no, as is any other word."""
    for answer in ["", "n", "yesterday"]:
        terminal = Terminal(command)
        terminal.expect("[N/y] ")
        terminal.type(answer + "\n")
        terminal.expect("already exists. Use --force if you want to overwrite it")
        assert terminal.status() == 255


def passphrase(command):
    """A passphrase is asked for and not shown; the program then has the terminal, also where its streams are pipes."""
    for words, answer, wanted, status in [
        (command, "sesame\n", "got-it", 0),
        (["sh", "-c", '"$@" </dev/null | cat', "sh"] + command, "sesame\n", "got-it", 0),
        (command, "\n", "cannot use an empty passphrase", 255),
        (command, "mellon\n", "the key does not fit", 255),
        (command, "ses\x03", "cannot read the passphrase: the command was stopped", 255),
    ]:
        terminal = Terminal(words)
        terminal.expect("Enter encryption passphrase: ")
        time.sleep(0.2)
        before = termios.tcgetattr(terminal.fd)[3] & termios.ECHO
        terminal.type(answer)
        terminal.expect(wanted)
        assert not before, "what is typed is shown"
        typed = answer.strip("\n\x03")
        assert not typed or typed not in terminal.text, "the passphrase was shown"
        assert termios.tcgetattr(terminal.fd)[3] & termios.ECHO, "the terminal stays silent"
        assert terminal.status() == status


if __name__ == "__main__":
    scenarios = [
        passphrase,
        record, shell, resize, interrupt, suspend, agree, decline, group_stop, self_stop, terminal_stop, twice,
        background_read, suspended_shell, build_stop,
    ]
    {scenario.__name__: scenario for scenario in scenarios}[sys.argv[1]](sys.argv[2:])
