package jcriu.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static jcriu.kernel.PtraceConstants.WNOHANG;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;

/**
 * Command lines from standard input, one after the other in one virtual machine; {@code exit N}
 * after each. For tests that make thousands of calls: most of the time of a call is the start.
 *
 * <p>What is restored is our child, as it is never that of a {@code jcriu} that ends: whoever of
 * them has died is waited for before each call.
 */
public final class ResidentCalls {
    private ResidentCalls() {}

    /** Until standard input ends. */
    public static void main(String[] words) throws IOException {
        Main.useOwnLog();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            while (Native.call(Syscall.WAIT4, -1, 0, WNOHANG, 0) > 0) {
                // the next
            }
            int status =
                    Main.run(
                            line.split(" "),
                            ConfigFiles.Places.ofThisProcess(),
                            System.out,
                            System.out);
            System.out.println("exit " + status);
            System.out.flush();
        }
    }
}
