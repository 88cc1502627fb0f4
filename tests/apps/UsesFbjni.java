import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/** What comes through the app's stand-in for fbjni, between Java and uses_fbjni.cpp; prints what is wrong. */
public class UsesFbjni {
  static native byte[] bytes(String text);
  static native String text(byte[] bytes);
  static native void swallow(Throwable problem);
  static native void swallowElsewhere(Throwable problem);
  static native void pass(Throwable problem);
  static native void complain(String words);

  static final String[] TEXTS = {
    "", "plain", "gr\u00fc\u00dfe", "\u20ac", "\ud83d\ude00", "a\ud83d\ude00b\udbff\udfff", "\ud800\udc00",
    "exactly 22 bytes, long", "23 bytes, one too many!", "many \ud83d\ude00 ".repeat(1000),
  };
  static final byte[][] NO_TEXTS = {
    {(byte) 0x80}, {(byte) 0xc0, (byte) 0xaf}, {(byte) 0xe2, (byte) 0x82}, {(byte) 0xf8, 'a'}, {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
    {(byte) 0xf0, (byte) 0x80, (byte) 0x80, (byte) 0x80}, {(byte) 0xf4, (byte) 0x90, (byte) 0x80, (byte) 0x80},
  };

  public static void main(String[] words) {
    System.load(words[0]);
    for (String text : TEXTS) {
      byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
      expect(Arrays.equals(wanted, bytes(text)), "to C++: " + text);
      expect(text.equals(text(wanted)), "to Java: " + text);
      expect(text.equals(message(text)), "in an exception: " + text);
    }
    expect(Arrays.equals("a\0b".getBytes(StandardCharsets.UTF_8), bytes("a\0b")), "a zero");
    for (String half : new String[] {"\ud83d", "\ude00", "\ude00\ud83d", "a\ud83db"}) {
      String replaced = half.replaceAll("[\ud800-\udfff]", "\ufffd");
      expect(Arrays.equals(replaced.getBytes(StandardCharsets.UTF_8), bytes(half)), "half a character");
    }
    for (byte[] broken : NO_TEXTS) expect(text(broken).startsWith("\ufffd"), "no UTF-8: " + Arrays.toString(broken));
    expect(isFreedBy(UsesFbjni::swallow), "an exception that C++ swallows stays");
    expect(isFreedBy(UsesFbjni::swallowElsewhere), "an exception that another thread swallows stays");
    expect(isFreedBy(UsesFbjni::passed), "an exception that comes to Java stays");
    System.out.println("done");
  }

  static void expect(boolean right, String what) {
    if (!right) System.out.println("wrong: " + what);
  }

  static String message(String words) {
    try {
      complain(words);
    } catch (IllegalStateException problem) {
      return problem.getMessage();
    }
    return null;
  }

  static void passed(Throwable problem) {
    try {
      pass(problem);
      System.out.println("wrong: nothing was thrown");
    } catch (Throwable found) {
      expect(found == problem, "another exception came");
    }
  }

  static boolean isFreedBy(Consumer<Throwable> done) {
    WeakReference<Throwable> left = used(done);
    for (int turn = 0; turn < 20 && left.get() != null; turn++) System.gc();
    return left.get() == null;
  }

  static WeakReference<Throwable> used(Consumer<Throwable> done) {
    Throwable problem = new Exception("of Java");
    done.accept(problem);
    return new WeakReference<>(problem);
  }
}
