"""A program in a pseudo-terminal, and the page that it has painted there.

Only what ncurses sends for TERM=xterm-256color is interpreted; anything else counts as a fault, so that
a control character which slips through does not pass for text.
"""
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

CSI = re.compile(rb"\x1b\[([?>]?)([0-9;]*)([@-~])")
SHORT = re.compile(rb"\x1b[()][0-9A-Z]|\x1b[=>M]")


def columns_of(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Page:
    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0
        self.top, self.bottom = 0, rows - 1
        self.faults, self.colors = [], 0
        self.alternate = self.hidden = False
        self.rest, self.last = b"", " "

    def resize(self, columns, rows):
        faults, colors, alternate, hidden = self.faults, self.colors, self.alternate, self.hidden
        self.__init__(columns, rows)
        self.faults, self.colors, self.alternate, self.hidden = faults, colors, alternate, hidden

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def feed(self, data):
        data, at = self.rest + data, 0
        self.rest = b""
        while at < len(data):
            byte = data[at]
            if byte == 0x1B:
                match = CSI.match(data, at) or SHORT.match(data, at)
                if not match:
                    if len(data) - at < 16:  # the rest comes with the next read
                        break
                    self.faults.append(data[at : at + 16])
                    at += 1
                    continue
                if match.re is CSI:
                    self.control(*match.groups())
                elif match.group() == b"\x1bM":
                    self.line_back()
                at = match.end()
            elif byte < 0x20 or byte == 0x7F:
                self.plain(byte)
                at += 1
            else:
                length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                if at + length > len(data):
                    break
                try:
                    self.put(data[at : at + length].decode())
                except UnicodeDecodeError:
                    self.faults.append(data[at : at + length])
                at += length
        self.rest = data[at:]

    def plain(self, byte):
        if byte == 0x0D:
            self.x = 0
        elif byte == 0x0A:
            self.line_feed()
        elif byte == 0x08:
            self.x = max(0, self.x - 1)
        elif byte == 0x09:
            self.x = min(self.columns - 1, self.x // 8 * 8 + 8)
        elif byte not in (0x0E, 0x0F):
            self.faults.append(bytes([byte]))

    def line_feed(self):
        if self.y == self.bottom:
            self.scroll(1)
        else:
            self.y = min(self.rows - 1, self.y + 1)

    def line_back(self):
        if self.y == self.top:
            self.scroll(-1)
        else:
            self.y = max(0, self.y - 1)

    def scroll(self, count, top=None):
        top = self.top if top is None else top
        for _ in range(min(abs(count), self.rows)):
            if count > 0:
                del self.cells[top]
                self.cells.insert(self.bottom, [" "] * self.columns)
            else:
                del self.cells[self.bottom]
                self.cells.insert(top, [" "] * self.columns)

    def put(self, char):
        width = columns_of(char)
        if 0x80 <= ord(char) < 0xA0:
            self.faults.append(char)
        if width == 0:
            if self.x:
                self.cells[self.y][self.x - 1] += char
            return
        if self.x + width > self.columns:
            self.x = 0
            self.line_feed()
        self.cells[self.y][self.x] = self.last = char
        if width == 2:
            self.cells[self.y][self.x + 1] = ""
        self.x += width

    def erase(self, row, start, end):
        self.cells[row][start:end] = [" "] * (min(end, self.columns) - start)

    def control(self, private, numbers, final):
        final = final.decode()
        n = [int(x) if x else 0 for x in numbers.decode().split(";")]
        one = max(1, n[0])
        if private:
            if final in "hl":
                self.alternate = (final == "h") if 1049 in n else self.alternate
                self.hidden = (final == "l") if 25 in n else self.hidden
            return
        if final == "m":
            self.colors += any(30 <= x <= 49 and x != 39 and x != 49 or 90 <= x <= 107 for x in n)
        elif final in "Hf":
            self.y = min(self.rows, one) - 1
            self.x = min(self.columns, max(1, n[1] if len(n) > 1 else 1)) - 1
        elif final == "A":
            self.y = max(0, self.y - one)
        elif final == "B":
            self.y = min(self.rows - 1, self.y + one)
        elif final == "C":
            self.x = min(self.columns - 1, self.x + one)
        elif final == "D":
            self.x = max(0, self.x - one)
        elif final == "G":
            self.x = min(self.columns, one) - 1
        elif final == "d":
            self.y = min(self.rows, one) - 1
        elif final == "K":
            start = 0 if n[0] else self.x
            self.erase(self.y, start, self.x + 1 if n[0] == 1 else self.columns)
        elif final == "J":
            if n[0] == 2:
                start, end = 0, self.rows
            elif n[0] == 1:
                start, end = 0, self.y
                self.erase(self.y, 0, self.x + 1)
            else:
                start, end = self.y + 1, self.rows
                self.erase(self.y, self.x, self.columns)
            for row in range(start, end):
                self.erase(row, 0, self.columns)
        elif final == "X":
            self.erase(self.y, self.x, self.x + one)
        elif final == "P":
            row = self.cells[self.y]
            self.cells[self.y] = row[: self.x] + row[self.x + one :] + [" "] * min(one, self.columns - self.x)
        elif final == "@":
            row = self.cells[self.y]
            self.cells[self.y] = (row[: self.x] + [" "] * one + row[self.x :])[: self.columns]
        elif final == "L":
            self.scroll(-one, self.y)
        elif final == "M":
            self.scroll(one, self.y)
        elif final == "S":
            self.scroll(one)
        elif final == "T":
            self.scroll(-one)
        elif final == "r":
            self.top, self.bottom = one - 1, (n[1] if len(n) > 1 and n[1] else self.rows) - 1
            self.x = self.y = 0
        elif final == "b":
            for _ in range(one):
                self.put(self.last)
        elif final not in "hlnct":
            self.faults.append(final)


class Terminal:
    """A command on a terminal of its own. All waiting has a bound."""

    def __init__(self, command, columns, rows, environment=None, patience=60):
        self.patience = patience
        self.page = Page(columns, rows)
        self.output = b""
        self.master, self.slave = pty.openpty()
        self.size(columns, rows, tell=False)
        self.before = termios.tcgetattr(self.slave)
        env = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8", **(environment or {}))
        for name in ("COLUMNS", "LINES"):
            env.pop(name, None)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.closerange(3, 256)
            try:
                os.execve(command[0], command, env)
            finally:
                os._exit(127)
        self.status = None

    def size(self, columns, rows, tell=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.page.resize(columns, rows)
            os.kill(self.pid, signal.SIGWINCH)

    def read(self, seconds):
        ready = select.select([self.master], [], [], seconds)[0]
        if not ready:
            return
        try:
            data = os.read(self.master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
        self.output += data
        self.page.feed(data)

    def wait(self, what, pattern):
        """Until the page matches; the page."""
        end = time.monotonic() + self.patience
        while not re.search(pattern, self.page.text(), re.M):
            if time.monotonic() > end or self.ended():
                raise AssertionError(
                    f"{what}: waited for {pattern!r}; status {self.status}; the page:\n{self.page.text()}"
                )
            self.read(0.1)
        return self.page.text()

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def finish(self, what):
        """Until the program has ended by itself: its exit code. The terminal is as it was then."""
        end = time.monotonic() + self.patience
        while not self.ended():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: it did not end; the page:\n{self.page.text()}")
            self.read(0.1)
        while select.select([self.master], [], [], 0)[0]:
            before = len(self.output)
            self.read(0)
            if len(self.output) == before:
                break
        assert termios.tcgetattr(self.slave) == self.before, f"{what}: the terminal's modes are not restored"
        assert not self.page.alternate, f"{what}: the other page is still there"
        assert not self.page.hidden, f"{what}: the cursor is still hidden"
        assert not self.page.faults, f"{what}: not understood: {self.page.faults[:5]}"
        return self.status

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.slave)
