#include "cli/cli.h"
#include "core/memory/memory.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void cli_table_init(struct cli_table *table, struct cli *cli, const struct cli_column *columns, size_t count)
{
        *table = (struct cli_table){.cli = cli, .columns = columns, .column_count = count};
}

void cli_table_row(struct cli_table *table, ...)
{
        if (table->row_count == table->row_capacity) {
                table->row_capacity = table->row_capacity ? table->row_capacity * 2 : 64;
                table->cells = memory_resized(table->cells, table->row_capacity * table->column_count *
                                                                    sizeof(*table->cells));
        }
        va_list cells;
        va_start(cells, table);
        for (size_t i = 0; i < table->column_count; i++)
                table->cells[table->row_count * table->column_count + i] = va_arg(cells, const char *);
        va_end(cells);
        table->row_count++;
}

/* How many columns of a terminal a text takes: code points, near enough. */
static size_t width_of(const char *text)
{
        size_t width = 0;
        for (; *text; text++)
                width += ((unsigned char)*text & 0xc0) != 0x80;
        return width;
}

static const char *cell(const struct cli_table *table, size_t row, size_t column)
{
        const char *text = table->cells[row * table->column_count + column];
        return text ? text : "";
}

static void add_line(struct buffer *out, const struct cli_table *table, const size_t *widths, size_t row,
                     bool title)
{
        for (size_t i = 0; i < table->column_count; i++) {
                const char *text = title ? table->columns[i].title : cell(table, row, i);
                bool last = i + 1 == table->column_count;
                size_t pad = widths[i] - width_of(text);
                if (table->columns[i].numeric)
                        buffer_printf(out, "%*s", (int)pad, "");
                buffer_add_text(out, text);
                if (!last && !table->columns[i].numeric)
                        buffer_printf(out, "%*s", (int)pad, "");
                buffer_add_text(out, last ? "" : "  ");
        }
        while (out->len > 0 && out->data[out->len - 1] == ' ')
                out->len--;
        buffer_add_char(out, '\n');
}

static void add_text(struct buffer *out, const struct cli_table *table)
{
        size_t widths[32] = {0};
        for (size_t i = 0; i < table->column_count; i++) {
                widths[i] = width_of(table->columns[i].title);
                for (size_t row = 0; row < table->row_count; row++)
                        if (width_of(cell(table, row, i)) > widths[i])
                                widths[i] = width_of(cell(table, row, i));
        }
        add_line(out, table, widths, 0, true);
        for (size_t row = 0; row < table->row_count; row++)
                add_line(out, table, widths, row, false);
}

static void add_json(struct buffer *out, const struct cli_table *table)
{
        for (size_t row = 0; row < table->row_count; row++) {
                for (size_t i = 0; i < table->column_count; i++) {
                        buffer_add_text(out, i ? "," : "{");
                        buffer_add_char(out, '"');
                        for (const char *c = table->columns[i].title; *c; c++)
                                buffer_add_char(out, *c == ' ' ? '_' : (char)tolower((unsigned char)*c));
                        buffer_add_text(out, "\":");
                        const char *text = cell(table, row, i);
                        bool nothing = !*text || strcmp(text, "-") == 0;
                        if (table->columns[i].numeric)
                                buffer_add_text(out, cli_number_is(slice_of(text)) ? text : "null");
                        else if (table->columns[i].optional && nothing)
                                buffer_add_text(out, "null");
                        else
                                buffer_add_json_string(out, slice_of(text));
                }
                buffer_add_text(out, "}\n");
        }
}

void cli_table_print(struct cli_table *table)
{
        struct buffer out = {0};
        if (table->cli->output == CLI_JSON)
                add_json(&out, table);
        else
                add_text(&out, table);
        if (out.len > 0) {
                fwrite(out.data, 1, out.len, stdout);
                fflush(stdout);
        }
        buffer_fini(&out);
        free(table->cells);
        table->cells = NULL;
}
