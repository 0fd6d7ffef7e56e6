// Loaded into each process of dray: at its end it notes the most memory that it ever had, in kB.
import { appendFileSync } from "node:fs";

const { PEAK_FILE: file } = process.env;
if (file !== undefined)
  process.once("exit", () =>
    appendFileSync(file, `${process.resourceUsage().maxRSS} ${process.argv.slice(1, 3).join(" ")}\n`),
  );
