/**
 * What the answers of MySQL and MariaDB mean, by their number or by the class of their
 * SQLSTATE. Up to 1899 both mean the same by a number; of those above, none that stands
 * here means something else at the other that a query could meet.
 *
 * @see https://dev.mysql.com/doc/mysql-errors/9.1/en/server-error-reference.html
 * @see https://mariadb.com/kb/en/mariadb-error-code-reference/
 */
import {
  constraints,
  credentialRejected,
  denied,
  type Entry,
  type ErrorContext,
  fieldGone,
  lost,
  type Meaning,
  noEntry,
  ours,
  rejected,
  resourceGone,
  stopped,
  unavailable,
  unfitValue,
  unknownDatabase,
  wouldChange,
} from "../sql/meaning.ts";
import { tlsFailed } from "../sql/network-errors.ts";

/** An error as the server tells it: its number and, after the login, its SQLSTATE. */
export interface ServerAnswer {
  readonly errno: number;
  readonly sqlState: string;
}

export function answerMeaning(cause: ServerAnswer, context: ErrorContext): Meaning {
  const entry = byNumber.get(cause.errno) ?? byClass[cause.sqlState.slice(0, 2)] ?? refused;
  return typeof entry === "function" ? entry(context, cause) : entry;
}

const refused = rejected("The source refused the statement.", "Check the statement against the source's schema.");

const gone = (meaning: Parameters<typeof ours>[0], message: string) =>
  ours(meaning, rejected(message, "Name what GetSchema shows; the names of tables may count capitals."));

/** The server asks for a way to log in that this user or this service does not have. */
const loginNotSupported = (context: ErrorContext): Meaning => ({
  ...credentialRejected(context),
  message: "The source asks for a way to log in that is not supported.",
  remedy: "Let the user log in with caching_sha2_password (ALTER USER … IDENTIFIED WITH …) or, at MariaDB, ed25519.",
});

const locked = (context: ErrorContext): Meaning => ({
  ...credentialRejected(context),
  message: "The source has locked the account of the connector's user.",
  remedy: "Let an administrator look why, and unlock it: ALTER USER … ACCOUNT UNLOCK.",
});

const expired = (context: ErrorContext): Meaning => ({
  ...credentialRejected(context),
  message: "The password of the connector's user has expired at the source.",
  remedy: "Give the user a new one there (ALTER USER … IDENTIFIED BY …), and store it with UpdateConnector.",
});

/** At the login the server says so of a database that is not there, too. */
const databaseDenied = ours(
  {
    ...unknownDatabase({}),
    message: "The source has no database of this name, or the connector's user may not use it.",
    remedy: "Change `config.database` with UpdateConnector, or grant the user what it needs (GRANT SELECT ON …).",
  },
  denied,
);

const brokenView = rejected(
  "It reads a view of something that is not there any more, or that the view's owner may not read.",
  "Let an administrator mend the view (CREATE OR REPLACE VIEW …).",
);

const tooLarge = rejected("The statement goes beyond a limit of the source.", "Make it smaller.");

const noSuchFunction = rejected("The statement calls a function that is not there.", "Correct the function's name.");

const badRegularExpression = rejected(
  "A regular expression of the statement is wrong, or takes too long.",
  "Correct the expression.",
);

const badJson = rejected("A text that is used as JSON is none, or a JSON path is wrong.", "Check the values.");

const badText = rejected(
  "A text is not valid in its character set, or can't be written in another one.",
  "Read such text as bytes: CAST(… AS BINARY).",
);

const badCollations = rejected(
  "Texts of different character sets or collations can't be used together.",
  "Convert one of them: CONVERT(… USING utf8mb4) COLLATE utf8mb4_bin.",
);

const generated = rejected("A field was given a value that the source makes itself.", "Leave the field out.");

const damaged = unavailable("The source has a problem with its own files.", "Look at the source's own log.");

const ended: Meaning = {
  ...lost,
  message: "The source ended the connection: it is shutting down, or an administrator did.",
};

const byNumber: ReadonlyMap<number, Entry<ServerAnswer>> = new Map(
  (
    [
      // Who may come in.
      [[1045, 1698, 1873], ours(credentialRejected, denied)],
      [
        [1130],
        (context) => noEntry(context, "Create the user for the address that the service comes from: CREATE USER …@…."),
      ],
      [[1251, 1275, 1524, 1759, 2049, 2059], loginNotSupported],
      [[3118, 4151, 3955, 4150], locked],
      [[1820, 1862], expired],
      [[1044], databaseDenied],
      [[1049], gone(unknownDatabase, "The statement names a database that is not there.")],
      [[3159], tlsFailed("The source lets only encrypted connections in.", 'Set `config.tls` to "verify_full".')],
      // What there is no room for.
      [
        [1040, 1203],
        unavailable("The source has no connection left.", "Try again later, or raise the source's max_connections."),
      ],
      [[1226], unavailable("The connector's user has used up what the source grants it in an hour, or at once.")],
      [
        [1129],
        unavailable("The source has shut this service out after failed connections.", "Run FLUSH HOSTS at the source."),
      ],
      [
        [1461],
        unavailable(
          "The source keeps no more prepared statements.",
          "Raise the source's max_prepared_stmt_count, or find who prepares so many.",
        ),
      ],
      [
        [1, 2, 3, 5, 20, 1021, 1037, 1038, 1041, 1114, 1135, 1206, 1637],
        unavailable("The source is out of memory or disk."),
      ],
      // 20xx are those of clients: a proxy is one.
      [[2002, 2003, 2006, 2013, 9001], unavailable("What stands before the source can't reach it.")],
      [[1020, 1412, 1615], unavailable("What it reads was changed while it was read.", "Try again.")],
      [[1205, 1689, 3572], unavailable("What it needs is locked at the source.")],
      [[1213], unavailable("The source ended it to resolve a deadlock.", "Try again.")],
      [[3032], unavailable("The source is offline for everybody but its administrators.")],
      [[1016, 1017, 1030, 1033, 1034, 1035, 1194, 1195, 1712, 1877], damaged],
      // What ends a statement or a connection.
      [[1028, 1317, 1969, 3024], stopped],
      [[1053, 1077, 1079, 1080, 1927, 3169], ended],
      [[4031], { ...lost, message: "The source ended the connection because it was idle." }],
      [[1043, 1047, 1152, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1243, 1835], lost],
      // What the user may not do.
      [[1095, 1142, 1143, 1227, 1345, 1370, 3552, 3554, 3566, 3879], denied],
      [[1290, 1792, 1836, 1874, 3989], wouldChange],
      // What is wrong with a statement.
      [[1064, 1149], rejected("The statement has a syntax error.", "Correct the statement.")],
      [[1051, 1109, 1146], gone(resourceGone, "The statement names a table that is not there.")],
      [[1054], gone(fieldGone, "The statement names a column that is not there.")],
      [[1052], rejected("A column of the statement could be that of several tables.", "Put the table before it.")],
      [[1305, 1128, 1630], noSuchFunction],
      [[1356, 1449], brokenView],
      [[1104, 1116, 1117, 1118, 1153, 1301, 1390, 1436, 1456, 1473, 3636, 4026], tooLarge],
      [[1295], rejected("The statement is of a kind that can't be prepared.", "Write it in another way.")],
      [[1235], rejected("The statement asks for what the source can't do.", "Write it in another way.")],
      [[1267, 1270, 1271], badCollations],
      [[1300, 3854], badText],
      [[1265, 1366], unfitValue],
      // What breaks a rule that the source has for its rows.
      [[1022, 1062, 1169, 1557, 1586, 1761, 1762, 1859], constraints.unique],
      [[1216, 1217, 1451, 1452], constraints.reference],
      [[1048, 1263, 1364], constraints.notNull],
      [[1369, 1526, 1748, 3819, 4025], constraints.check],
      [[1906, 3105], generated],
      [[1139, ...range(3684, 3700), 3852, 3887, 3900], badRegularExpression],
      [[3069, ...range(3140, 3158), 3165, ...range(4036, 4045)], badJson],
    ] satisfies (readonly [readonly number[], Entry<ServerAnswer>])[]
  ).flatMap(([numbers, entry]) => numbers.map((number) => [number, entry] as const)),
);

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

const byClass: Readonly<Record<string, Entry<ServerAnswer>>> = {
  "08": lost,
  "0A": rejected("The statement asks for what the source can't do.", "Write it in another way."),
  "21": rejected("The statement's parts don't fit together.", "Check how many columns and rows each part gives."),
  "22": unfitValue,
  "25": wouldChange,
  "28": credentialRejected,
  "40": unavailable("The source could not run it beside other transactions.", "Try again."),
  "42": rejected("The source refused the statement as wrong.", "Correct the statement."),
  "70": stopped,
};
