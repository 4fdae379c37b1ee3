#include "cli/cli.h"
#include "core/codec/json.h"
#include "core/memory/memory.h"
#include "core/text/display.h"

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

static const char *cell(const struct cli_table *table, size_t row, size_t column)
{
        const char *text = table->cells[row * table->column_count + column];
        return text ? text : "";
}

enum { COLUMNS_MAX = 32, NARROWEST = 6, GAP = 2 };

/* What a table takes on the terminal: a column that is not shown has width 0. */
struct layout {
        size_t widths[COLUMNS_MAX];
        bool shown[COLUMNS_MAX];
};

static size_t table_widest(const struct cli_table *table, size_t column)
{
        size_t width = display_width(slice_of(table->columns[column].title));
        for (size_t row = 0; row < table->row_count; row++) {
                size_t own = display_width(slice_of(cell(table, row, column)));
                width = own > width ? own : width;
        }
        return width;
}

static size_t total_width(const struct cli_table *table, const struct layout *layout)
{
        size_t total = 0;
        for (size_t i = 0; i < table->column_count; i++)
                if (layout->shown[i])
                        total += layout->widths[i] + (total ? GAP : 0);
        return total;
}

/* The widest column that may lose a character, or none. */
static size_t next_to_shrink(const struct cli_table *table, const struct layout *layout)
{
        size_t found = COLUMNS_MAX;
        for (size_t i = 0; i < table->column_count; i++) {
                const struct cli_column *column = &table->columns[i];
                bool may = layout->shown[i] && !column->whole && !column->numeric &&
                           layout->widths[i] > NARROWEST;
                if (may && (found == COLUMNS_MAX || layout->widths[i] > layout->widths[found]))
                        found = i;
        }
        return found;
}

static void lay_out(const struct cli_table *table, struct layout *layout)
{
        size_t limit = table->cli->wide ? 0 : table->cli->width;
        *layout = (struct layout){0};
        for (size_t i = 0; i < table->column_count; i++) {
                layout->shown[i] = true;
                layout->widths[i] = table_widest(table, i);
        }
        for (size_t i = table->column_count; limit && i-- > 1 && total_width(table, layout) > limit;)
                layout->shown[i] = !table->columns[i].extra;
        size_t column;
        while (limit && total_width(table, layout) > limit &&
               (column = next_to_shrink(table, layout)) < COLUMNS_MAX)
                layout->widths[column]--;
        /* Still too wide: the last ones give way, never the first, which says what the line is about. */
        for (size_t i = table->column_count; limit && i-- > 1 && total_width(table, layout) > limit;)
                layout->shown[i] = false;
        if (limit && layout->widths[0] > limit)
                layout->widths[0] = limit;
}

static void add_cell(struct buffer *out, const struct cli_table *table, size_t column, const char *text,
                     size_t width)
{
        struct buffer shown = {0};
        display_shorten(&shown, slice_of(text), width);
        const char *fitting = shown.data ? shown.data : "";
        size_t pad = width - display_width(slice_of(fitting));
        if (table->columns[column].numeric)
                buffer_printf(out, "%*s", (int)pad, "");
        buffer_add_text(out,
                        table->columns[column].state ? cli_coloured(table->cli, text, fitting) : fitting);
        if (!table->columns[column].numeric)
                buffer_printf(out, "%*s", (int)pad, "");
        buffer_fini(&shown);
}

/* `row` SIZE_MAX: the titles. */
static void table_add_line(struct buffer *out, const struct cli_table *table, const struct layout *layout,
                           size_t row)
{
        size_t begin = out->len;
        for (size_t i = 0; i < table->column_count; i++) {
                if (!layout->shown[i])
                        continue;
                if (out->len > begin)
                        buffer_printf(out, "%*s", GAP, "");
                bool title = row == SIZE_MAX;
                struct buffer text = {0};
                add_cell(&text, table, i, title ? table->columns[i].title : cell(table, row, i),
                         layout->widths[i]);
                buffer_add_text(out, title ? cli_coloured(table->cli, "title", text.data) : text.data);
                buffer_fini(&text);
        }
        while (out->len > begin && out->data[out->len - 1] == ' ')
                out->len--;
        buffer_add_char(out, '\n');
}

static void table_add_text(struct buffer *out, const struct cli_table *table)
{
        struct layout layout;
        lay_out(table, &layout);
        table_add_line(out, table, &layout, SIZE_MAX);
        for (size_t row = 0; row < table->row_count; row++)
                table_add_line(out, table, &layout, row);
}

static void table_add_json(struct buffer *out, const struct cli_table *table)
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
                                buffer_add_text(out, json_number_is(slice_of(text)) ? text : "null");
                        else if (table->columns[i].optional && nothing)
                                buffer_add_text(out, "null");
                        else
                                buffer_add_json_string(out, slice_of(text));
                }
                buffer_add_text(out, "}\n");
        }
}

void cli_table_add(struct cli_table *table, struct buffer *out)
{
        if (table->cli->output == CLI_JSON)
                table_add_json(out, table);
        else
                table_add_text(out, table);
        free(table->cells);
        table->cells = NULL;
}

void cli_table_print(struct cli_table *table)
{
        struct buffer out = {0};
        cli_table_add(table, &out);
        if (out.len > 0) {
                fwrite(out.data, 1, out.len, stdout);
                fflush(stdout);
        }
        buffer_fini(&out);
}
